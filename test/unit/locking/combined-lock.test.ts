import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CombinedLockService } from '../../../src/locking/combined-lock.ts';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import type { LockService } from '../../../src/locking/lock.ts';

let folders: string[];
let near: LockService;
let far: LockService;
let both: CombinedLockService;
beforeEach(() => {
  folders = ['near', 'far'].map((name) => mkdtempSync(join(tmpdir(), `backy2-${name}-`)));
  near = new FileLockService(folders[0] ?? '');
  far = new FileLockService(folders[1] ?? '');
  both = new CombinedLockService([near, far]);
});
afterEach(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

it('a lock is held with all services, and given back to all', async () => {
  const lock = await both.tryAcquire('a', 'exclusive');
  expect([await near.isHeld('a'), await far.isHeld('a'), await both.isHeld('a')]).toEqual([true, true, true]);
  await lock?.release();
  expect([await near.isHeld('a'), await far.isHeld('a'), await both.isHeld('a')]).toEqual([false, false, false]);
});

it.each(['near', 'far'])('a lock that somebody has with the %s service is refused, and nothing of it is kept', async (name) => {
  const [theirs, other] = name === 'near' ? [near, far] : [far, near];
  const lock = await theirs.tryAcquire('a', 'exclusive');
  expect(await both.tryAcquire('a', 'shared')).toBeUndefined();
  expect(await both.isHeld('a')).toBe(true);
  expect(await other.isHeld('a')).toBe(false);
  await (await other.tryAcquire('a', 'exclusive'))?.release();
  await lock?.release();
  expect(await both.tryAcquire('a', 'exclusive')).toBeDefined();
});

it('a lock that one service can not give at all is given back to the others', async () => {
  const broken = new CombinedLockService([near, new FileLockService(join(folders[0] ?? '', 'nowhere'))]);
  await expect(broken.tryAcquire('a', 'exclusive')).rejects.toThrow(/nowhere/);
  expect(await near.isHeld('a')).toBe(false);
});
