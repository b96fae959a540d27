import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const IMAGE = noise(5 * BLOCK + 7, 'undelete');

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({
    ...{ blockSize: BLOCK, workers: 1 },
    config: { DEFAULTS: { keep_removed: '2h' }, daily: { interval: '1d', keep: 1, sla: '1h' } },
  });
});
afterEach(() => lab.remove());

const backup = (...options: string[]) => lab.backup(...options, `file://${lab.write('image', IMAGE)}`, 'vm');

test('what prune removed comes back, until a cleanup has taken it', async () => {
  const [first, second, third] = [await backup('-t', 'daily,a'), await backup('-t', 'daily'), await backup('-t', 'daily')];
  const planned = await lab.ok('-m', '-s', 'prune', '-n');
  const row = (uid: string, why: string, stays: string) => [lab.version(uid).date.slice(0, 19), 'vm', uid, why, stays].join('|');
  expect(planned.trim().split('\n')).toEqual([row(first, 'beyond_keep', ''), row(second, 'beyond_keep', '')]);
  expect(lab.versions()).toHaveLength(3);
  await lab.ok('protect', second);
  await lab.ok('-m', 'prune');
  expect(lab.versions().map(({ uid }) => uid)).toEqual([second, third]);
  const [listed = ''] = (await lab.ok('-m', '-s', 'undelete', '-l')).trim().split('\n');
  const [removed = '', until = ''] = listed.split('|');
  expect(listed.split('|').slice(3)).toEqual(['vm', String(IMAGE.length), first]);
  expect(Date.parse(`${until}Z`) - Date.parse(`${removed}Z`)).toBe(2 * 3600_000);
  expect(await lab.ok('-m', 'undelete', first)).toBe(`${first}\n`);
  expect(await lab.ok('-m', '-s', 'ls', '-f', 'uid,valid,tags')).toContain(`${first}|1|a,daily`);
  expect(await lab.restoredSha256(first)).toBe(sha256(IMAGE));
  await lab.ok('rm', first);
  await lab.ok('cleanup', '--dangerous-force');
  expectFailure(await lab.run(['undelete', first]), 100, `There is no removed version ${first}, or a cleanup has taken it.`);
  expect(await lab.restoredSha256(third)).toBe(sha256(IMAGE));
});

test('a version that is there, and one that lacks a blob, are refused, and nothing changes', async () => {
  const uid = await backup();
  expectFailure(await lab.run(['undelete', uid]), 22, `The database has version ${uid}: nothing is to be brought back.`);
  const blob = lab.blobAt(uid, 2);
  await lab.ok('rm', uid);
  blob.remove();
  const failed = await lab.run(['undelete', uid]);
  expectFailure(failed, 100, `A cleanup has taken blobs of version ${uid}, or is about to: it can't come back whole.`);
  expect(failed.stderr).toContain(`backy2 catalogue --adopt ${uid}`);
  expect(lab.versions()).toEqual([]);
  for (const words of [['-l', uid], []]) expect((await lab.run(['undelete', ...words])).code).toBe(2);
});
