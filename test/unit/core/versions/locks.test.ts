import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkInstallationFree,
  holding,
  holdingInstallation,
  lockForOperation,
  lockVersion,
} from '../../../../src/core/versions/locks.ts';
import { FileLockService } from '../../../../src/locking/file-lock.ts';
import { LOCK_NAMES } from '../../../../src/locking/lock.ts';

const UID = '11111111-2222-1333-8444-555555555555';

let folder: string;
let ours: FileLockService;
let others: FileLockService;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-locks-'));
  ours = new FileLockService(folder);
  others = new FileLockService(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = async () => {
  throw new Error('the body ran');
};

describe('locks that an operation holds', () => {
  test('are released when a later one is refused', async () => {
    const held = await others.tryAcquire(UID, 'exclusive');
    const takers = [() => lockForOperation(ours), () => lockVersion(ours, UID, 'shared')];
    await expect(holding(takers, never)).rejects.toThrow(`Version ${UID} is locked.`);
    await held?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('are released when taking a later one fails', async () => {
    const takers = [() => lockForOperation(ours), () => lockVersion(ours, '../x', 'shared')];
    await expect(holding(takers, never)).rejects.toThrow("can't be the name of a lock");
    expect(readdirSync(folder)).toEqual([]);
  });

  test('are released when the body fails, including those that it added', async () => {
    const body = async (held: { release(): Promise<void> }[]) => {
      held.push(await lockVersion(ours, UID, 'exclusive'));
      throw new Error('the body failed');
    };
    await expect(holding([() => lockForOperation(ours)], body)).rejects.toThrow('the body failed');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('are all released, the last one first, even if one fails', async () => {
    const released: string[] = [];
    const lock = (name: string, fails: boolean) => async () => ({
      release: async () => {
        released.push(name);
        if (fails) throw new Error(`${name} stays`);
      },
    });
    await expect(holding([lock('a', false), lock('b', true), lock('c', false)], async () => 1)).rejects.toThrow('b stays');
    expect(released).toEqual(['c', 'b', 'a']);
  });
});

describe('the whole installation', () => {
  test('is refused while an operation runs, and nothing stays locked', async () => {
    const operation = await lockForOperation(others);
    await expect(holdingInstallation(ours, never)).rejects.toThrow('Other backy instances are running.');
    await operation.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('refuses operations, lists and other exclusive commands as long as it is held', async () => {
    await holdingInstallation(ours, async () => {
      await expect(lockForOperation(others)).rejects.toThrow('requires exclusive access');
      await expect(checkInstallationFree(others)).rejects.toThrow('requires exclusive access');
      await expect(holdingInstallation(others, never)).rejects.toThrow('requires exclusive access');
    });
    await (await lockForOperation(others)).release();
    await checkInstallationFree(others);
    expect(await others.isHeld(LOCK_NAMES.installation)).toBe(false);
  });

  test('is not held by a refused command: operations may start meanwhile', async () => {
    const operation = await lockForOperation(others);
    const refused = expect(holdingInstallation(ours, never)).rejects.toThrow('Other backy instances are running.');
    expect(await others.isHeld(LOCK_NAMES.installation)).toBe(false);
    await (await lockForOperation(others)).release();
    await refused;
    await operation.release();
  });

  test.each([LOCK_NAMES.installation, LOCK_NAMES.operations])(
    'is waited for when %s is held for a moment alone',
    async (name) => {
      const passing = await others.tryAcquire(name, 'exclusive');
      setTimeout(() => passing?.release(), 250);
      await (await lockForOperation(ours)).release();
      const again = await others.tryAcquire(name, 'exclusive');
      setTimeout(() => again?.release(), 250);
      expect(await holdingInstallation(ours, async () => 'held')).toBe('held');
    },
  );
});
