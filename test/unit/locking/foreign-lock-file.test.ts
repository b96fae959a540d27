import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import { tryFlock } from '../../../src/native/file-calls.ts';

const STRANGER = 54_321;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-shared-'));
  chmodSync(folder, 0o1777);
  path = join(folder, 'backy_a.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A lock file of another user, locked by them. @returns what unlocks it. */
function strangersLock(mode: 'shared' | 'exclusive'): () => void {
  writeFileSync(path, '');
  chownSync(path, STRANGER, STRANGER);
  const fd = openSync(path, 'r');
  tryFlock(fd, mode);
  return () => closeSync(fd);
}

describe.skipIf(process.getuid?.() !== 0)('lock files in a folder that others can write to', () => {
  it('can be opened, and so locked, by their owner alone', async () => {
    const lock = await new FileLockService(folder).tryAcquire('a', 'shared');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await lock?.release();
  });

  it('of another user that are locked are refused, and their owner is named', async () => {
    const unlock = strangersLock('exclusive');
    const locks = new FileLockService(folder);
    expect(await locks.tryAcquire('a', 'shared')).toBeUndefined();
    expect(await locks.holders('a')).toEqual([`the lock file ${path} belongs to the user with uid ${STRANGER}`]);
    unlock();
  });

  it('of another user that nobody has locked are replaced', async () => {
    strangersLock('exclusive')();
    const lock = await new FileLockService(folder).tryAcquire('a', 'shared');
    expect(statSync(path).uid).toBe(0);
    expect(await new FileLockService(folder).tryAcquire('a', 'exclusive')).toBeUndefined();
    await lock?.release();
    expect(existsSync(path)).toBe(false);
  });

  it('of another user are shared with them', async () => {
    const unlock = strangersLock('shared');
    const lock = await new FileLockService(folder).tryAcquire('a', 'shared');
    expect(lock).toBeDefined();
    await lock?.release();
    unlock();
  });

  it("of the folder's only user are as good as ours", async () => {
    chmodSync(folder, 0o755);
    chownSync(folder, STRANGER, STRANGER);
    strangersLock('exclusive')();
    const lock = await new FileLockService(folder).tryAcquire('a', 'shared');
    expect(statSync(path).uid).toBe(STRANGER);
    await lock?.release();
  });

  it('that are links or pipes are an error, and what they lead to is left alone', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, path);
    const locks = new FileLockService(folder);
    await expect(locks.tryAcquire('a', 'shared')).rejects.toThrow(`Cannot open the lock file ${path}`);
    await expect(locks.isHeld('a')).rejects.toThrow(path);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});
