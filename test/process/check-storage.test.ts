import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { documentOf } from '../support/labs/json-schemas.ts';
import { Lab } from '../support/labs/lab.ts';

interface Step {
  step: string;
  in_flight: number;
  requests: number;
  bytes: number;
  ms_per_request: number;
  mb_per_second: number | null;
  problem: string | null;
}

const BLOCK = 4096;
let lab: Lab;
beforeEach(() => {
  // Without a database: users check the storage first.
  lab = new Lab({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

const stepsOf = async (code: number): Promise<Step[]> => {
  const result = await lab.run(['--json', 'check-storage']);
  expect(result.code, result.stderr).toBe(code);
  return documentOf<Step[]>('check-storage.json#', result.stdout);
};

test('a folder that works is written, read, listed and left as it was', async () => {
  const steps = await stepsOf(0);
  expect(steps.map(({ step, in_flight, requests }) => [step, in_flight, requests])).toEqual([
    ['reach', 1, 1],
    ['write', 1, 4],
    ['write', 4, 16],
    ['read', 1, 4],
    ['read', 4, 16],
    ['list', 1, 20],
    ['missing', 1, 1],
    ['delete', 1, 1],
  ]);
  expect(steps.map(({ problem }) => problem)).toEqual(new Array(8).fill(null));
  expect(steps[2]).toMatchObject({ bytes: 16 * BLOCK, mb_per_second: expect.any(Number) });
  expect(lab.blobs()).toEqual([]);
  expect(lab.temporaryBlobs()).toEqual([]);
  expect(existsSync(lab.databasePath)).toBe(false);
});

test('the null backend passes, with its few steps', async () => {
  lab.configure({ DataBackend: { type: 'null' } });
  expect((await stepsOf(0)).map(({ step }) => step)).toEqual(['reach', 'write', 'write', 'read', 'read', 'delete']);
});

test('with one request at a time nothing is tried twice', async () => {
  lab.configure({ DataBackend: { simultaneous_writes: 1, simultaneous_reads: 1 } });
  const steps = await stepsOf(0);
  expect(steps.map(({ step }) => step)).toEqual(['reach', 'write', 'read', 'list', 'missing', 'delete']);
});

test('a folder that can not be written is named, with exit code 100', async () => {
  rmSync(lab.dataPath, { recursive: true });
  writeFileSync(lab.dataPath, 'a file');
  const steps = await stepsOf(100);
  expect(steps.map(({ step, requests }) => [step, requests])).toEqual([
    ['reach', 1],
    ['write', 0],
    ['delete', 0],
  ]);
  expect(steps[1]?.problem).toMatch(/^Cannot store blob \w{32} in .*: E\w+: .* section DataBackend\.$/);
  const { code, stdout, stderr } = await lab.run(['-ms', 'check-storage', '-f', 'step,problem']);
  expect([code, stdout.split('\n')[0]]).toEqual([100, 'reach|']);
  expect(stderr).toMatch(/^ {3}ERROR: Cannot store blob/);
});

test('blobs of backups stay as they are', async () => {
  await lab.ok('initdb');
  const uid = await lab.backup(`file://${lab.write('image', Buffer.alloc(3 * BLOCK, 'x'))}`, 'vm');
  const blobs = lab.blobs();
  await lab.ok('check-storage');
  expect(lab.blobs()).toEqual(blobs);
  await lab.ok('scrub', uid);
});

test('the table has the expected columns', async () => {
  const text = await lab.ok('check-storage');
  expect(text).toMatch(/\| step +\| in_flight \| requests \| +bytes +\| ms_per_request \| mb_per_second \| problem \|/);
  expect(text).toMatch(/INFO: Backy complete/);
});

test('it does not wait for commands with exclusive access', async () => {
  const hold = ['sh', '-c', 'echo held; exec sleep 40'];
  const holder = lab.startCommand(['flock', '--no-fork', lab.path('locks/backy_backy.lock'), ...hold]);
  await expect.poll(() => holder.stdout).toBe('held\n');
  expect((await lab.run(['check-storage'])).code).toBe(100);
  holder.kill('SIGTERM');
  await holder.ended;
});
