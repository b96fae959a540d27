import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockVersion } from '../../../../src/core/versions/locks.ts';
import { lockFoundVersion, withVersion } from '../../../../src/core/versions/with-version.ts';
import { LOCK_NAMES, type LockMode, type LockService } from '../../../../src/locking/lock.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
let theirs: LockService;
beforeEach(async () => {
  lab = await CoreLab.create();
  theirs = lab.otherLocks();
  await lab.newVersion('v1', BLOCK_SIZE);
});
afterEach(() => lab.dispose());

/** Takes a lock as another instance and gives it back at once. */
async function canLock(mode: LockMode, name = 'v1'): Promise<boolean> {
  const lock = await theirs.tryAcquire(name, mode);
  await lock?.release();
  return lock !== undefined;
}

/** Lets another instance change the database between the look for the version and its lock. */
function beforeLocking(change: () => Promise<unknown>): void {
  const { locks } = lab.context;
  const tryAcquire = locks.tryAcquire.bind(locks);
  locks.tryAcquire = async (name, mode) => {
    if (name === 'v1') await change();
    return tryAcquire(name, mode);
  };
}

describe('an operation on a version', () => {
  it('holds the version and is registered while it runs, and neither afterwards', async () => {
    const seen = await withVersion(lab.context, 'v1', 'shared', async ({ uid }) => [
      uid,
      await canLock('shared'),
      await canLock('exclusive'),
      await canLock('exclusive', LOCK_NAMES.operations),
    ]);
    expect(seen).toEqual(['v1', true, false, false]);
    expect([await canLock('exclusive'), await canLock('exclusive', LOCK_NAMES.operations)]).toEqual([true, true]);
  });

  it('gives its locks back when it fails, those that it added too', async () => {
    const failing = withVersion(lab.context, 'v1', 'exclusive', async (_, held) => {
      held.push(await lockVersion(lab.context.locks, 'v2', 'exclusive'));
      throw new Error('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect([await canLock('exclusive'), await canLock('exclusive', 'v2')]).toEqual([true, true]);
  });

  it('gets the version as it is once it is locked', async () => {
    beforeLocking(() => lab.meta.addTags('v1', ['late']));
    expect(await withVersion(lab.context, 'v1', 'shared', async ({ tags }) => tags)).toEqual(['late']);
  });

  it('does not run when the version is removed before its lock is there', async () => {
    beforeLocking(() => lab.meta.removeVersion('v1', () => {}));
    const running = withVersion(lab.context, 'v1', 'shared', async () => 'ran');
    await expect(running).rejects.toMatchObject({ code: 'notFound', data: { uid: 'v1' } });
  });
});

describe('lockFoundVersion', () => {
  it('gives the version and its lock', async () => {
    const { version, lock } = await lockFoundVersion(lab.context, 'v1', 'exclusive');
    expect([version.uid, await canLock('shared')]).toEqual(['v1', false]);
    await lock.release();
    expect(await canLock('exclusive')).toBe(true);
  });

  it('leaves no lock behind when the version is gone', async () => {
    beforeLocking(() => lab.meta.removeVersion('v1', () => {}));
    await expect(lockFoundVersion(lab.context, 'v1', 'shared')).rejects.toMatchObject({ code: 'notFound' });
    expect(await canLock('exclusive')).toBe(true);
  });

  it('says which version is locked', async () => {
    const lock = await lockVersion(theirs, 'v1', 'exclusive');
    const asking = lockFoundVersion(lab.context, 'v1', 'shared');
    await expect(asking).rejects.toMatchObject({ code: 'locked', data: { uid: 'v1' } });
    await lock.release();
  });
});
