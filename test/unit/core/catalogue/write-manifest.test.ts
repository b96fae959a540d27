import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { cleanupFull } from '../../../../src/core/upkeep/cleanup.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { BackyError } from '../../../../src/errors.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import { LAYOUTS } from '../../../../src/model/layout.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';
import { KEY_A } from '../../../support/labs/encryption.ts';
import { readCatalogue } from '../../../support/labs/read-catalogue.ts';

let lab: CatalogueLab;
afterEach(() => lab.dispose());

/** The catalogue has the version as the database has it. */
async function expectCurrent(uid: string): Promise<void> {
  const { head, rows } = await lab.storedVersion(uid);
  const { meta } = lab.core;
  expect(head.version).toEqual(await meta.findVersion(uid));
  expect(head.stats).toEqual(await meta.listStats({ versionUid: uid }));
  expect(rows).toEqual(await lab.rows(uid));
  expect(await meta.staleVersions()).toEqual([]);
}

describe.each(LAYOUTS)('with the layout %s', (layout) => {
  beforeEach(async () => {
    lab = await CatalogueLab.create(layout);
  });

  it('a backup leaves a manifest that shows the version as it is', async () => {
    const uid = await lab.backup([0, 3, 700, 1699]);
    await expectCurrent(uid);
    expect((await lab.storedVersion(uid)).head).toMatchObject({ blockSize: 4096, hashFunction: 'sha512' });
    expect(lab.warnings).toEqual([]);
  });

  it('an incremental backup writes the leaves of changed blocks alone', async () => {
    const base = await lab.backup([0, 700, 1200]);
    const before = lab.objects('leaves');
    const uid = await lab.backup([701], { baseUid: base, content: 'y' });
    await expectCurrent(uid);
    await expectCurrent(base);
    expect(lab.objects('leaves').filter((name) => !before.includes(name))).toHaveLength(1);
    const [old, now] = [await lab.storedVersion(base), await lab.storedVersion(uid)];
    expect(now.leaves.map((name, index) => name === old.leaves[index])).toEqual([true, false, true, true]);
  });

  it('a leaf of the base that changed meanwhile is written again', async () => {
    const base = await lab.backup([0, 700, 1200]);
    const [row] = (await lab.rows(base)).filter(({ id }) => id === 1200);
    const uid = await lab.backup([701], { baseUid: base, content: 'y' });
    await lab.core.meta.markBlobsInvalid([{ uid: row?.uid ?? '', checksum: row?.checksum ?? null }]);
    expect((await lab.core.meta.staleVersions()).sort()).toEqual([base, uid].sort());
    // The base's manifest still shows a good block.
    await lab.core.meta.setVersionValid(uid);
    const next = await lab.backup([2], { baseUid: uid, content: 'z' });
    expect((await lab.storedVersion(next)).rows).toEqual(await lab.rows(next));
    await lab.flush();
    for (const one of [base, uid, next]) await expectCurrent(one);
    expect((await lab.storedVersion(base)).head.version.valid).toBe(false);
  });

  it('a later full backup stores only leaves that differ', async () => {
    await lab.backup([0, 700]);
    const before = lab.objects('leaves');
    const uid = await lab.backup([0, 701]);
    await expectCurrent(uid);
    expect(lab.objects('leaves')).toHaveLength(before.length + 1);
  });

  it.each([
    ['longer', 2100],
    ['shorter', 1100],
  ])('a version of a %s image is derived from its base', async (_, blocks) => {
    const base = await lab.backup([0, 700, 1650]);
    const uid = await lab.backup([1, 900], { baseUid: base, size: blocks, content: 'y' });
    await expectCurrent(uid);
  });

  it('a continued backup leaves a whole manifest', async () => {
    const context = lab.withMeta({ findBlobs: () => Promise.reject(new BackyError('database', 'stopped')) });
    await expect(lab.backup([0, 700, 1200], { context })).rejects.toThrow('stopped');
    expect(await lab.stored()).toEqual(new Map());
    const uid = await lab.unfinished();
    await lab.backup([0, 700, 1200], { continueUid: uid });
    await expectCurrent(uid);
  });

  it('a crash before the version is valid leaves a manifest that restores it, and follows what is done with it', async () => {
    const context = lab.withMeta({ finishBackup: () => Promise.reject(new BackyError('database', 'killed')) });
    await expect(lab.backup([0, 700], { context })).rejects.toThrow('killed');
    const uid = await lab.unfinished();
    const { head, rows } = await lab.storedVersion(uid);
    expect([head.version.valid, rows]).toEqual([true, await lab.rows(uid)]);
    await lab.core.meta.removeVersion(uid, () => {});
    await lab.flush();
    expect((await lab.storedVersion(uid)).isRemoved).toBe(true);
  });
});

describe('a change', () => {
  beforeEach(async () => {
    lab = await CatalogueLab.create();
  });

  it.each<[string, (uid: string) => Promise<unknown>]>([
    ['of tags', (uid) => lab.core.meta.addTags(uid, ['good'])],
    ['of the expire date', (uid) => lab.core.meta.setExpire(uid, new Date('2027-01-01T00:00:00Z'))],
    ['of protection', (uid) => lab.core.meta.setProtected(uid, true)],
  ])('%s writes the head again, and neither list nor leaf', async (_, change) => {
    const uid = await lab.backup([0, 700]);
    const before = lab.objects('leaves');
    await change(uid);
    await lab.flush();
    await expectCurrent(uid);
    expect(lab.objects('leaves')).toEqual(before);
    expect(lab.objects('lists')).toHaveLength(1);
  });

  it('that another program makes meanwhile stays noted', async () => {
    const uid = await lab.backup([0]);
    let tags = 0;
    const listStats: MetaStore['listStats'] = async (filter) => {
      await lab.core.meta.addTags(uid, [`tag ${tags++}`]);
      return lab.core.meta.listStats(filter);
    };
    await lab.core.meta.addTags(uid, ['first']);
    await lab.flush(lab.withMeta({ listStats }));
    expect(await lab.core.meta.staleVersions()).toEqual([uid]);
    await lab.flush();
    await expectCurrent(uid);
  });

  it('of a removed version marks its manifest', async () => {
    const uid = await lab.backup([0]);
    await removeVersion(lab.context, uid, true);
    expect((await lab.storedVersion(uid)).isRemoved).toBe(false);
    await lab.flush();
    expect((await lab.storedVersion(uid)).isRemoved).toBe(true);
  });
});

describe('once a key is configured', () => {
  it('manifests take nothing from those that are not encrypted', async () => {
    lab = await CatalogueLab.create();
    const base = await lab.backup([0, 700]);
    const encryption = { version: 1, key: KEY_A, compressionLevel: 1 };
    const sealed = { ...lab.context, settings: { ...lab.context.settings, encryption } };
    const uid = await lab.backup([701], { context: sealed, baseUid: base, content: 'y' });
    await lab.core.meta.addTags(base, ['good']);
    await lab.flush(sealed);
    const stored = await readCatalogue(lab.core.dataPath, KEY_A);
    for (const one of [base, uid])
      expect(stored.get(one)?.rows.map((row) => row.uid)).toEqual((await lab.rows(one)).map((row) => row.uid));
    await cleanupFull(sealed, { prefix: '', yesDelete: 0 });
    expect((await readCatalogue(lab.core.dataPath, KEY_A)).size).toBe(2);
  });
});

describe('a catalogue that can’t be written', () => {
  beforeEach(async () => {
    lab = await CatalogueLab.create();
  });
  const place = () => join(lab.core.dataPath, 'backy2-catalogue');

  /** Puts a file in the place of the folder. */
  function block(): void {
    renameSync(place(), `${place()}.aside`);
    writeFileSync(place(), 'in the way');
  }

  function unblock(): void {
    unlinkSync(place());
    renameSync(`${place()}.aside`, place());
  }

  test('fails a backup as a data backend that fails: it can be continued', async () => {
    await lab.backup([0]);
    block();
    await expect(lab.backup([0, 1], { content: 'y' })).rejects.toMatchObject({ code: 'dataBackend', exitCode: 6 });
    const uid = await lab.unfinished();
    unblock();
    await lab.backup([0, 1], { continueUid: uid, content: 'y' });
    await expectCurrent(uid);
  });

  test('is one warning at the ends of other commands, and written by the next', async () => {
    const uid = await lab.backup([0]);
    await lab.core.meta.addTags(uid, ['good']);
    block();
    await lab.flush();
    await lab.flush();
    expect(lab.warnings).toEqual([expect.stringMatching(/^The catalogue in the data backend is not up to date: .* The next/)]);
    unblock();
    await lab.flush();
    await expectCurrent(uid);
  });

  test('is no matter with catalogue: no', async () => {
    await lab.dispose();
    lab = await CatalogueLab.create('classic', { catalogue: false });
    await lab.backup([0]);
    await lab.flush();
    expect(await lab.stored()).toEqual(new Map());
    expect(await lab.core.meta.versionsWithoutManifest()).toHaveLength(1);
  });
});
