import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import { besideDatabase } from '../../../src/locking/lock-place.ts';
import { lockServiceSuite } from '../../support/conformance/lock-service.ts';

let folder: string;
let database: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-locks-'));
  database = join(folder, 'backy.sqlite');
  writeFileSync(database, 'not looked at');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('locks beside a database', () => {
  describe('conformance', () => {
    lockServiceSuite(async () => ({ open: () => new FileLockService(besideDatabase(database)), dispose: async () => {} }));
  });

  it('have names of their own, and leave nothing behind', async () => {
    const lock = await new FileLockService(besideDatabase(database)).tryAcquire('a', 'exclusive');
    expect(readdirSync(folder).sort()).toEqual(['backy.sqlite', 'backy.sqlite.backy_a.lock']);
    await lock?.release();
    expect(readdirSync(folder)).toEqual(['backy.sqlite']);
  });

  it('are the same for who finds the database through a link', async () => {
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync(database, join(folder, 'elsewhere', 'link.sqlite'));
    const linked = new FileLockService(besideDatabase(join(folder, 'elsewhere', 'link.sqlite')));
    const lock = await linked.tryAcquire('a', 'exclusive');
    expect(await new FileLockService(besideDatabase(database)).isHeld('a')).toBe(true);
    await lock?.release();
  });

  it.each(['/sys/backy.sqlite', '/nowhere/backy.sqlite'])('are left out where no file can be made: %s', async (path) => {
    const locks = new FileLockService(besideDatabase(path));
    const lock = await locks.tryAcquire('a', 'exclusive');
    expect(lock).toBeDefined();
    expect(await locks.isHeld('a')).toBe(false);
    await lock?.release();
  });
});
