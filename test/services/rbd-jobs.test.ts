import { expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { documentOf } from '../support/labs/json-schemas.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { DAY, SCHEDULERS } from '../support/labs/schedule-lab.ts';
import { clockAt } from '../support/program/clock.ts';
import { autoLab } from './rbd-auto-lab.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const NOW = Date.now();

interface Row {
  name: string;
  job: string;
  state: string;
  uid: string;
  bytes_read: number;
  problem: string | null;
}

/** Runs `run` or `job` at a time after now, as a process with jobs of its own. */
async function rowsOf(lab: Lab, seconds: number, command: 'run' | 'job', ...words: string[]): Promise<Row[]> {
  const env = clockAt(new Date(NOW + seconds * 1000));
  const { stdout } = await lab.start(['--json', command, ...words], { env }).ended;
  return documentOf<Row[]>(`${command}.json`, stdout).toSorted((a, b) => a.name.localeCompare(b.name));
}

test('a job for all images of a pattern backs each up under its own name, and then only changes', async () => {
  const base = cluster.newImage();
  const config = { ...autoLab(cluster).config, ...SCHEDULERS, run: { parallel: 2 } };
  const jobs = { 'job:lab': { source: `rbd://${base}-*` }, 'job:none': { source: `rbd://${base}x*` } };
  await withLab({ ...autoLab(cluster), config: { ...config, ...jobs } }, async (lab) => {
    const images = ['a', 'b'].map((letter) => `${base}-${letter}`);
    const names = images.map((image) => image.split('/')[1] ?? '');
    for (const image of images) {
      await cluster.create(image, 20 * OBJECT);
      await cluster.write(image, 0, noise(10 * OBJECT, image));
    }
    const oracle = new Map<string, string>();
    const first = await rowsOf(lab, 0, 'run', '--no-upkeep');
    expect(first).toMatchObject([
      { name: 'none', state: 'failed', problem: expect.stringContaining('No image of') },
      ...names.map((name) => ({ name, job: 'lab', state: 'done', bytes_read: 10 * OBJECT })),
    ]);
    for (const [index, image] of images.entries()) oracle.set(first[index + 1]?.uid ?? '', await cluster.sha256(image));
    for (const { name, valid, uid } of lab.versions())
      expect({ name, valid, tags: lab.tags(uid) }).toEqual({ name, valid: 1, tags: ['daily'] });
    await cluster.write(images[1] ?? '', 3 * OBJECT, noise(OBJECT, 'change'));
    const [changed] = await rowsOf(lab, DAY, 'job', 'lab', names[1] ?? '');
    expect(changed).toMatchObject({ name: names[1], state: 'done', bytes_read: OBJECT });
    oracle.set(changed?.uid ?? '', await cluster.sha256(images[1] ?? ''));
    const next = await rowsOf(lab, DAY + 60, 'job', 'lab');
    expect(next).toMatchObject([{ state: 'done', bytes_read: 0 }, { state: 'not due' }]);
    oracle.set(next[0]?.uid ?? '', await cluster.sha256(images[0] ?? ''));
    await checkRestores(lab, oracle);
    expect((await lab.run(['-m', 'job', 'lab', 'other'])).stderr).toContain(`Job lab has no image "other"`);
    for (const image of images) await cluster.remove(image);
  });
});
