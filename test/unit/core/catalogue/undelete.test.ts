import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptVersions } from '../../../../src/core/catalogue/adopt.ts';
import { removedVersions } from '../../../../src/core/catalogue/removed-versions.ts';
import { syncCatalogue } from '../../../../src/core/catalogue/sync.ts';
import { undelete } from '../../../../src/core/catalogue/undelete.ts';
import { cleanupFast, cleanupFull } from '../../../../src/core/upkeep/cleanup.ts';
import { lockImports, lockVersion } from '../../../../src/core/versions/locks.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { LAYOUTS } from '../../../../src/model/layout.ts';
import { blobPaths, isWholeAgain } from '../../../support/catalogue/undelete-checks.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';

const FAST = { dangerousForce: false, prefix: '' };
const FULL = { prefix: '', yesDelete: 1_000_000 };
const EXPIRE = new Date('2030-05-06T07:08:09Z');

let lab: CatalogueLab;
afterEach(() => lab.dispose());

const rm = async (uid: string) => {
  await removeVersion(lab.context, uid, true);
  await lab.flush();
};

function passHours(hours: number): void {
  lab.core.now = new Date(lab.core.now.getTime() + hours * 3600_000);
}

/** Nothing of the version is in the database, and it can't come back. */
async function isRefused(uid: string, expected: object): Promise<void> {
  await expect(undelete(lab.context, uid)).rejects.toMatchObject(expected);
  expect(await lab.core.meta.findVersion(uid)).toBeUndefined();
  expect(await lab.rows(uid)).toEqual([]);
}

describe.each(LAYOUTS)('with the layout %s', (layout) => {
  beforeEach(async () => {
    lab = await CatalogueLab.create(layout);
  });

  it('a removed version comes back as it was, and no cleanup takes anything of it', async () => {
    const base = await lab.backup([0, 700, 1200]);
    const uid = await lab.backup([701], { baseUid: base, content: 'y', tags: ['daily', 'b,c'], expire: EXPIRE });
    const was = { version: await lab.core.version(uid), rows: await lab.rows(uid) };
    await rm(uid);
    await rm(base);
    passHours(0.5);
    await cleanupFast(lab.context, FAST);
    expect(lab.objects('removed')).toHaveLength(2);
    const back = await undelete(lab.context, uid);
    expect(back).toEqual({ uid, name: 'vm', date: was.version.date, blocks: 1700, valid: true });
    expect(await lab.core.version(uid)).toEqual(was.version);
    expect((await lab.core.meta.listStats({ versionUid: uid })).length).toBe(1);
    // The manifest is not marked any more, and written again: it would look like an old one.
    expect(lab.objects('removed')).toHaveLength(1);
    expect(await lab.core.meta.staleVersions()).toEqual([uid]);
    await lab.flush();
    expect(await syncCatalogue(lab.context)).toMatchObject({ checked: 1, damaged: [], written: 0 });
    await lab.core.meta.setProtected(uid, true);
    was.version.protected = true;
    passHours(5);
    await cleanupFast(lab.context, FAST);
    await cleanupFull(lab.context, FULL);
    await isWholeAgain(lab, uid, was);
    await isRefused(base, { code: 'notFound', message: `There is no removed version ${base}, or a cleanup has taken it.` });
    expect(lab.warnings).toEqual([]);
  });

  it('an invalid one comes back invalid, with its bad blocks', async () => {
    const uid = await lab.backup([0, 700]);
    const [bad] = (await lab.rows(uid)).filter((row) => row.uid !== null);
    await lab.core.meta.markBlobsInvalid([{ uid: bad?.uid ?? '', checksum: bad?.checksum ?? '' }]);
    await lab.flush();
    const was = { version: await lab.core.version(uid), rows: await lab.rows(uid) };
    expect(was.version.valid).toBe(false);
    rmSync(blobPaths(lab, [bad])[0] ?? '');
    await rm(uid);
    expect(await undelete(lab.context, uid)).toMatchObject({ valid: false });
    expect(await lab.core.version(uid)).toEqual(was.version);
    expect(await lab.rows(uid)).toEqual(was.rows);
    expect(lab.warnings).toEqual([`Version ${uid} was not valid when it was removed. To check it: backy2 scrub ${uid}`]);
  });

  it.each([
    ['a doomed blob', async (uid: string) => lab.core.sql(`INSERT INTO backy2_doomed (uid, time) VALUES ('${uid}', 1)`)],
    ['a missing blob', async (uid: string) => rmSync(blobPaths(lab, [{ uid }])[0] ?? '')],
  ])('with %s, it is refused, nothing changes, and what is left can be adopted', async (_, damage) => {
    const uid = await lab.backup([0, 700]);
    const [row] = (await lab.rows(uid)).filter((one) => one.uid !== null);
    await rm(uid);
    await damage(row?.uid ?? '');
    const objects = [lab.objects('versions'), lab.objects('removed')];
    await isRefused(uid, { code: 'refused', message: expect.stringContaining("it can't come back whole"), exitCode: 100 });
    expect([lab.objects('versions'), lab.objects('removed')]).toEqual(objects);
    expect((await lab.core.meta.removedManifests()).map(({ versionUid }) => versionUid)).toEqual([uid]);
    const { adopted } = await adoptVersions(lab.context, uid);
    expect(adopted).toMatchObject([{ uid, valid: false }]);
  });

  it.each([
    ['is bad', false],
    ['was bad, and was stored again', true],
  ])('a blob that %s, as others found out meanwhile, is not good again', async (_, isHealed) => {
    const other = await lab.backup([0], { name: 'other' });
    const uid = await lab.backup([0, 700]);
    const [bad] = (await lab.rows(other)).filter((row) => row.uid !== null);
    expect((await lab.rows(uid))[0]?.uid).toBe(bad?.uid);
    await rm(uid);
    await lab.core.meta.markBlobsInvalid([{ uid: bad?.uid ?? '', checksum: bad?.checksum ?? '' }]);
    await lab.core.meta.recordChecks([{ uid: bad?.uid ?? '', good: false }], 1);
    if (isHealed) await lab.backup([0], { name: 'third' });
    expect((await lab.core.version(other)).valid).toBe(isHealed);
    expect(await undelete(lab.context, uid)).toMatchObject({ valid: false });
    expect((await lab.core.version(uid)).valid).toBe(false);
    expect((await lab.rows(uid)).filter(({ valid }) => !valid).map(({ id }) => id)).toEqual([0]);
    expect(lab.warnings).toContain(
      `Blobs of 1 blocks of version ${uid} were found bad meanwhile: it is invalid. To check it: backy2 scrub ${uid}`,
    );
    await lab.flush();
    expect((await lab.storedVersion(uid)).head.version.valid).toBe(false);
  });

  it('what a search has found unused comes back, until it is doomed', async () => {
    const uid = await lab.backup([0, 700]);
    const was = { version: await lab.core.version(uid), rows: await lab.rows(uid) };
    await rm(uid);
    await lab.core.meta.dropUsedCandidates(0);
    await undelete(lab.context, uid);
    expect(await lab.core.meta.doomCandidates(0, 100, '')).toEqual([]);
    await isWholeAgain(lab, uid, was);
  });

  it('a database that was rebuilt brings it back too, though it knows none of its blobs', async () => {
    const [uid, other] = [await lab.backup([0, 700]), await lab.backup([5], { content: 'y' })];
    const was = { version: await lab.core.version(uid), rows: await lab.rows(uid) };
    await rm(uid);
    lab.core.sql(
      layout === 'classic'
        ? 'DELETE FROM deleted_blocks'
        : 'DELETE FROM backy2_blobs WHERE id IN (SELECT blob FROM backy2_candidates); DELETE FROM backy2_candidates',
    );
    await undelete(lab.context, uid);
    await isWholeAgain(lab, uid, was);
    expect(await lab.core.version(other)).toMatchObject({ valid: true });
  });
});

describe('undelete', () => {
  beforeEach(async () => {
    lab = await CatalogueLab.create();
  });

  it('says why a version can not come back', async () => {
    const [there, gone] = [await lab.backup([0]), await lab.backup([1], { content: 'y' })];
    await expect(undelete(lab.context, there)).rejects.toMatchObject({ code: 'versionExists', exitCode: 22 });
    await isRefused('not/a uid', { code: 'notFound', exitCode: 100 });
    // As the original does: nothing is recorded.
    await lab.core.meta.removeVersion(gone, () => {});
    lab.core.sql('DELETE FROM backy2_catalogue WHERE removed IS NOT NULL');
    await isRefused(gone, {
      message: `No removal of version ${gone} was recorded: the original removed it, or the database is an older one.`,
      hint: `The catalogue still has it: backy2 catalogue --adopt ${gone}`,
    });
    const none = { ...lab.context, settings: { ...lab.context.settings, catalogue: false } };
    await expect(undelete(none, there)).rejects.toMatchObject({ code: 'refused' });
    await expect(removedVersions(none)).rejects.toMatchObject({ code: 'refused' });
  });

  it('is refused beside another import, and while the version is removed or the original runs', async () => {
    const uid = await lab.backup([0]);
    await rm(uid);
    const held = [await lockImports(lab.core.otherLocks(), 'shared'), await lockVersion(lab.core.otherLocks(), uid, 'exclusive')];
    for (const lock of held.reverse()) {
      await isRefused(uid, { code: 'locked' });
      await lock.release();
    }
    await expect(undelete({ ...lab.context, otherInstances: () => ['pid 7: backy2'] }, uid)).rejects.toMatchObject({
      code: 'locked',
    });
    await undelete(lab.context, uid);
  });

  it('warns of a version that the next prune would remove', async () => {
    const uid = await lab.backup([0], { expire: new Date(lab.core.now.getTime() + 3600_000) });
    passHours(2);
    await rm(uid);
    await undelete(lab.context, uid);
    expect(lab.warnings).toEqual([expect.stringMatching(`^Version ${uid} has expired`)]);
  });

  it('lists what can come back, and until when', async () => {
    const [first, second, there] = [
      await lab.backup([0]),
      await lab.backup([1], { content: 'y' }),
      await lab.backup([2], { content: 'z' }),
    ];
    const sizeBytes = (await lab.core.version(first)).sizeBytes;
    const times: Date[] = [];
    for (const uid of [first, second]) {
      times.push(new Date(Math.floor(lab.core.now.getTime() / 1000) * 1000));
      await rm(uid);
      passHours(0.5);
    }
    const rows = await removedVersions(lab.context);
    expect(rows.map(({ uid, removed }) => [uid, removed])).toEqual([
      [first, times[0]],
      [second, times[1]],
    ]);
    expect(rows[0]).toMatchObject({ name: 'vm', sizeBytes, until: new Date((times[0]?.getTime() ?? 0) + 3600_000) });
    await undelete(lab.context, second);
    passHours(1);
    await cleanupFast(lab.context, FAST);
    expect(await removedVersions(lab.context)).toEqual([]);
    expect((await lab.core.meta.listVersions({})).map(({ uid }) => uid).sort()).toEqual([second, there].sort());
  });

  it('keeps its manifest from a cleanup that was about to delete it', async () => {
    const uid = await lab.backup([0, 700]);
    const was = { version: await lab.core.version(uid), rows: await lab.rows(uid) };
    await rm(uid);
    passHours(2);
    let calls = 0;
    const cleaning = lab.withMeta({
      async removedManifests() {
        const listed = await lab.core.meta.removedManifests();
        // The cleanup has seen what to delete, and takes the lock of the folder next.
        if (++calls === 3) await undelete(lab.context, uid);
        return listed;
      },
    });
    await cleanupFast(cleaning, FAST);
    expect(calls).toBeGreaterThan(3);
    expect((await lab.storedVersion(uid)).isRemoved).toBe(false);
    await isWholeAgain(lab, uid, was);
    expect(lab.warnings).toEqual([]);
  });

  it('of half a version is refused: a removal that was interrupted has written what was left', async () => {
    const uid = await lab.backup([0, 700]);
    lab.core.sql(`DELETE FROM blocks WHERE version_uid = '${uid}' AND id >= 1000`);
    await lab.core.meta.setVersionInvalid(uid);
    await lab.core.meta.markManifestStale(uid);
    await lab.flush();
    await rm(uid);
    await isRefused(uid, { code: 'refused', message: expect.stringMatching('^The catalogue has only 1000 of the 1700 blocks') });
  });
});
