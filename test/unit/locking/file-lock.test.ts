import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import { lockServiceSuite } from '../../support/conformance/lock-service.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-locks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('locks in files', () => {
  describe('conformance', () => {
    lockServiceSuite(async () => ({ open: () => new FileLockService(folder), dispose: async () => {} }));
  });

  it('are files with the names that the original uses, and leave none behind', async () => {
    const lock = await new FileLockService(folder).tryAcquire('backy', 'exclusive');
    expect(existsSync(join(folder, 'backy_backy.lock'))).toBe(true);
    await lock?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('exclude each other through thousands of takings and removals of the file', async () => {
    const services = [new FileLockService(folder), new FileLockService(folder), new FileLockService(folder)];
    let holders = 0;
    let taken = 0;
    const contend = async (service: FileLockService) => {
      for (let round = 0; round < 1000; round++) {
        const lock = await service.tryAcquire('a', 'exclusive');
        if (lock === undefined) continue;
        expect(++holders).toBe(1);
        taken++;
        await Promise.resolve();
        holders--;
        await lock.release();
      }
    };
    await Promise.all(services.map(contend));
    expect(taken).toBeGreaterThan(500);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('name the folder that is missing', async () => {
    const locks = new FileLockService(join(folder, 'nowhere'));
    await expect(locks.tryAcquire('a', 'shared')).rejects.toThrow(/nowhere/);
  });
});
