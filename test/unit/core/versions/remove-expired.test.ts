import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockVersion } from '../../../../src/core/versions/locks.ts';
import { type ExpiredRequest, removeExpired } from '../../../../src/core/versions/remove-expired.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';

const DAY_MS = 86_400_000;
const ALL: ExpiredRequest = { force: false, dryRun: false };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

const passDays = (days: number) => {
  lab.now = new Date(lab.now.getTime() + days * DAY_MS);
};

/** Adds an empty version that expires in 2 days, and passes a day. */
async function daily(uid: string, { name = 'vm', valid = true } = {}): Promise<void> {
  const expire = new Date(lab.now.getTime() + 2 * DAY_MS);
  await lab.meta.createVersion({ uid, name, snapshotName: '', size: 0, sizeBytes: 0, expire, tags: [] });
  if (valid) await lab.meta.setVersionValid(uid);
  passDays(1);
}

const left = async () => (await lab.meta.listVersions({})).map(({ uid }) => uid);
const removed = async (request: Partial<ExpiredRequest> = {}, context = lab.context) =>
  (await removeExpired(context, { ...ALL, ...request })).removed.map(({ uid }) => uid);

describe('rm --expired', () => {
  it('never takes the last good version while backups fail, night after night', async () => {
    for (const uid of ['good1', 'good2']) await daily(uid);
    for (let night = 0; night < 8; night++) {
      await daily(`failed${night}`, { valid: false });
      await removed();
    }
    expect(await left()).toEqual(['good2', 'failed6', 'failed7']);
  });

  it('takes one name, and refuses one that has no version', async () => {
    for (const name of ['a', 'b']) for (const day of [1, 2]) await daily(`${name}${day}`, { name });
    passDays(5);
    expect(await removed({ name: 'b' })).toEqual(['b1']);
    expect(await left()).toEqual(['a1', 'a2', 'b2']);
    await expect(removed({ name: 'c' })).rejects.toMatchObject({ code: 'notFound' });
  });

  it('changes nothing in a dry run, and says what stays and why', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    await lab.meta.setProtected('v1', true);
    passDays(9);
    expect(await removeExpired(lab.context, { ...ALL, dryRun: true })).toEqual({
      dryRun: true,
      removed: [{ uid: 'v2', name: 'vm', blocks: 0 }],
      kept: [
        { uid: 'v1', name: 'vm', reason: 'protected' },
        { uid: 'v3', name: 'vm', reason: 'newest_valid' },
      ],
    });
    expect(await left()).toEqual(['v1', 'v2', 'v3']);
  });

  it('passes over young versions without an error; -f takes them too', async () => {
    for (const uid of ['v1', 'v2', 'v3', 'v4']) await daily(uid);
    const settings = { ...lab.context.settings, disallowRmWhenYoungerThanDays: 4 };
    expect(await removed({}, { ...lab.context, settings })).toEqual(['v1']);
    expect(await removed({ force: true }, { ...lab.context, settings })).toEqual(['v2']);
  });

  it('passes over versions that others use, and keeps them while the newest one is being removed', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    passDays(9);
    const reader = await lockVersion(lab.otherLocks(), 'v1', 'shared');
    expect((await removeExpired(lab.context, ALL)).kept).toContainEqual({ uid: 'v1', name: 'vm', reason: 'in_use' });
    await reader.release();
    expect(await left()).toEqual(['v1', 'v3']);
    const remover = await lockVersion(lab.otherLocks(), 'v3', 'exclusive');
    expect(await removed()).toEqual([]);
    await remover.release();
    expect(await removed()).toEqual(['v1']);
  });

  it('decides again under the lock: what has become the newest valid version stays', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    passDays(9);
    let calls = 0;
    const meta: MetaStore = {
      ...lab.meta,
      // A scrub finds the newest ones bad after they were listed.
      async listVersions(filter) {
        if (++calls === 2) for (const uid of ['v2', 'v3']) await lab.meta.setVersionInvalid(uid);
        return lab.meta.listVersions(filter);
      },
    };
    const { kept } = await removeExpired({ ...lab.context, meta }, ALL);
    expect(kept.map(({ uid, reason }) => [uid, reason])).toEqual([
      ['v1', 'newest_valid'],
      ['v3', 'newest_valid'],
    ]);
    expect(await left()).toEqual(['v1', 'v3']);
  });

  it('decides only when the newest valid version is locked: another rm may have just removed it', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    passDays(9);
    const locks = lab.otherLocks();
    const tryAcquire = locks.tryAcquire.bind(locks);
    locks.tryAcquire = async (name, mode) => {
      if (name === 'v3') for (const uid of ['v2', 'v3']) await lab.meta.removeVersion(uid, () => {});
      return tryAcquire(name, mode);
    };
    expect((await removeExpired({ ...lab.context, locks }, ALL)).removed).toEqual([]);
    expect(await left()).toEqual(['v1']);
  });

  it('refuses a clock that is a year ahead, though it made a version already; -f believes it', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    passDays(365);
    await daily('v4');
    lab.now = new Date(lab.now.getTime() - DAY_MS / 2);
    await expect(removed()).rejects.toMatchObject({ code: 'refused', exitCode: 100 });
    expect(await removed({ dryRun: true })).toEqual(['v1', 'v2', 'v3']);
    expect(await left()).toHaveLength(4);
    expect(await removed({ force: true })).toEqual(['v1', 'v2', 'v3']);
  });
});
