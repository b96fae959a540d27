import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { documentOf } from '../support/labs/json-schemas.ts';
import { FaultProxy, type SeenRequest } from '../support/servers/fault-proxy.ts';
import { createS3Lab, type S3Lab } from './s3-lab.ts';

interface Step {
  step: string;
  in_flight: number;
  requests: number;
  problem: string | null;
}

let proxy: FaultProxy;
let s3: S3Lab;
beforeEach(async () => {
  proxy = await FaultProxy.start(Number(new URL(inject('ceph').s3.endpoint).port));
  s3 = await createS3Lab({ workers: 1 }, proxy.endpoint);
});
afterEach(async () => {
  await s3.remove();
  await proxy.stop();
});

const stepsOf = async (code: number): Promise<Step[]> => {
  const result = await s3.lab.run(['--json', 'check-storage']);
  expect(result.code, result.stderr).toBe(code);
  return documentOf<Step[]>('check-storage.json#', result.stdout);
};
const isPut = ({ method }: SeenRequest) => method === 'PUT';

test('a bucket that works passes every step, and is left empty', async () => {
  const steps = await stepsOf(0);
  expect(steps.map(({ step, in_flight, requests }) => [step, in_flight, requests])).toEqual([
    ['reach', 1, 1],
    ['identity', 1, 1],
    ['write', 1, 4],
    ['write', 5, 20],
    ['read', 1, 4],
    ['read', 5, 20],
    ['list', 1, 24],
    ['missing', 1, 1],
    ['delete', 1, 1],
  ]);
  expect(steps.every(({ problem }) => problem === null)).toBe(true);
  expect(await s3.keys()).toEqual([]);
});

test('a wrong secret is the only problem reported', async () => {
  s3.lab.configure({ DataBackend: { aws_secret_access_key: 'wrong' } });
  expect(await stepsOf(100)).toEqual([
    expect.objectContaining({ step: 'reach', requests: 0, problem: expect.stringMatching(/the secret key is wrong/) }),
  ]);
});

test.each([
  ['write', (request: SeenRequest) => isPut(request) && request.number > 10],
  ['read', ({ method, path }: SeenRequest) => method === 'GET' && !path.includes('list-type')],
])('when %s fails, what was written is deleted all the same', async (failing, matches) => {
  s3.lab.configure({ DataBackend: { retry_time: 1 } });
  proxy.decide = (request) => (matches(request) ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined);
  const steps = await stepsOf(100);
  expect(steps.filter(({ problem }) => problem !== null).map(({ step }) => step)).toEqual([failing]);
  expect(steps.at(-1)).toMatchObject({ step: 'delete', problem: null });
  expect(await s3.keys()).toEqual([]);
});

test('deletes without effect are a finding', async () => {
  proxy.decide = ({ method }) => (method === 'POST' ? { kind: 'status', status: 403, code: 'AccessDenied' } : undefined);
  const steps = await stepsOf(100);
  expect(steps.at(-1)).toMatchObject({ step: 'delete', problem: expect.stringMatching(/denies the access.*s3:DeleteObject/) });
});

test('SIGTERM half way leaves nothing behind', async () => {
  proxy.latencyMs = 200;
  const running = s3.lab.start(['check-storage']);
  await expect.poll(() => proxy.requests.filter(isPut).length).toBeGreaterThan(3);
  running.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
  expect(await s3.keys()).toEqual([]);
});
