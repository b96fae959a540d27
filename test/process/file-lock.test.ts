import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLockService } from '../../src/locking/file-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-locks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('locks in files, and another program', () => {
  it('are flocks on the names that the original uses, and leave no file behind', async () => {
    const lock = await new FileLockService(folder).tryAcquire('backy', 'exclusive');
    const path = join(folder, 'backy_backy.lock');
    expect(existsSync(path)).toBe(true);
    expect(await exitCode(spawn('flock', ['-n', path, 'true']))).toBe(1);
    await lock?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('see the flock of another program, and its death', async () => {
    const path = join(folder, 'backy_x.lock');
    const holder = spawn('flock', ['-x', path, 'sh', '-c', 'echo held; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const locks = new FileLockService(folder);
    expect(await locks.isHeld('x')).toBe(true);
    expect(await locks.tryAcquire('x', 'shared')).toBeUndefined();
    // flock(1) and its child share the open file: kill both.
    spawn('pkill', ['-9', '-P', String(holder.pid)]);
    await once(holder, 'exit');
    await expect.poll(() => locks.isHeld('x')).toBe(false);
    const lock = await locks.tryAcquire('x', 'exclusive');
    expect(lock).toBeDefined();
    await lock?.release();
  });
});

async function exitCode(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'exit');
  return code;
}
