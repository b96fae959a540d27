import { expect, test } from 'vitest';
import { imageOfJob } from '../../../../src/core/run/job-images.ts';
import type { Job } from '../../../../src/model/job.ts';

const job = (source: string, name?: string): Job => ({
  key: 'lab',
  source,
  name,
  schedulers: undefined,
  hookTimeoutSeconds: 300,
});

test('a job with one image knows it by the name of its versions', () => {
  expect(imageOfJob(job('file:///dev/vg/lab'), 'lab')).toEqual({ name: 'lab', source: 'file:///dev/vg/lab' });
  expect(imageOfJob(job('rbd://vms/x', 'web'), 'web')).toEqual({ name: 'web', source: 'rbd://vms/x' });
  expect(() => imageOfJob(job('rbd://vms/x', 'web'), 'lab')).toThrow('Job lab has no image "lab"');
});

test('a pattern takes the images that match', () => {
  expect(imageOfJob(job('rbd://vms/*'), 'web')).toEqual({ name: 'web', source: 'rbd://vms/web' });
  expect(imageOfJob(job('rbd://vms/ns/web-?'), 'web-1')).toEqual({ name: 'web-1', source: 'rbd://vms/ns/web-1' });
  for (const name of ['mail', 'web-10']) expect(() => imageOfJob(job('rbd://vms/web-?'), name)).toThrow(name);
});

test.each(['other/web', 'web@snap', '*', ''])('the name "%s" leads to no other image', (name) => {
  expect(() => imageOfJob(job('rbd://vms/*'), name)).toThrow(`Job lab has no image "${name}"`);
});
