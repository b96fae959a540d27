import { existsSync, mkdtempSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import { tryFlock } from '../../../src/native/file-calls.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-locks-'));
  path = join(folder, 'backy_a.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Its last holder removes the lock file between our open and our lock, this number of times. */
function racing(times: number): FileLockService {
  let left = times;
  return new FileLockService(folder, {
    flock: (fd, mode) => {
      if (left-- > 0) unlinkSync(path);
      return tryFlock(fd, mode);
    },
  });
}

it.each([1, 3])('a lock file that is removed %i times before it is locked is made anew: others see the lock', async (times) => {
  const lock = await racing(times).tryAcquire('a', 'exclusive');
  expect(lock).toBeDefined();
  expect(existsSync(path)).toBe(true);
  const other = new FileLockService(folder);
  expect(await other.isHeld('a')).toBe(true);
  expect(await other.tryAcquire('a', 'exclusive')).toBeUndefined();
  await lock?.release();
  expect(readdirSync(folder)).toEqual([]);
});

it('a lock file that somebody made anew meanwhile is not removed with ours', async () => {
  const lock = await new FileLockService(folder).tryAcquire('a', 'exclusive');
  unlinkSync(path);
  const theirs = await new FileLockService(folder).tryAcquire('a', 'exclusive');
  expect(theirs).toBeDefined();
  await lock?.release();
  expect(await new FileLockService(folder).isHeld('a')).toBe(true);
  await theirs?.release();
});
