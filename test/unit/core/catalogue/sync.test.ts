import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareCatalogue } from '../../../../src/core/catalogue/compare.ts';
import { catalogueStatus } from '../../../../src/core/catalogue/status.ts';
import { syncCatalogue } from '../../../../src/core/catalogue/sync.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import type { LeafRow } from '../../../../src/data/catalogue/types.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';

let lab: CatalogueLab;
beforeEach(async () => {
  lab = await CatalogueLab.create();
});
afterEach(() => lab.dispose());

const states = async () => Object.fromEntries((await catalogueStatus(lab.context)).map(({ uid, state }) => [uid, state]));

/** A version from before the catalogue. */
async function oldVersion(blocks: readonly number[]): Promise<string> {
  const settings = { ...lab.context.settings, catalogue: false };
  return lab.backup(blocks, { context: { ...lab.context, settings } });
}

async function expectWhole(uid: string): Promise<void> {
  expect((await lab.storedVersion(uid)).rows).toEqual(await lab.rows(uid));
  expect((await states())[uid]).toBe('current');
}

describe('the status', () => {
  it('says how the catalogue has each version', async () => {
    const [old, current, stale] = [await oldVersion([0]), await lab.backup([1]), await lab.backup([2])];
    const [removed, gone] = [await lab.backup([3]), await lab.backup([4])];
    await lab.core.meta.addTags(stale, ['new']);
    await removeVersion(lab.context, removed, true);
    await lab.core.meta.removeVersion(gone, () => {});
    lab.core.sql(`DELETE FROM backy2_catalogue WHERE version_uid = '${gone}'`);
    expect(await states()).toEqual({
      ...{ [old]: 'missing', [current]: 'current', [stale]: 'stale' },
      ...{ [removed]: 'removed', [gone]: 'store_only' },
    });
  });
});

describe('a sync', () => {
  it('writes manifests of versions from before the catalogue, once', async () => {
    const uids = [await oldVersion([0, 700]), await oldVersion([0, 701])];
    expect(await syncCatalogue(lab.context)).toMatchObject({ checked: 0, damaged: [], written: 2, inUse: [] });
    for (const uid of uids) await expectWhole(uid);
    expect(await syncCatalogue(lab.context)).toMatchObject({ checked: 2, written: 0 });
  });

  it.each(['versions', 'lists', 'leaves'] as const)('finds that %s are missing, and writes them again', async (part) => {
    const uid = await lab.backup([0, 700]);
    rmSync(join(lab.core.dataPath, 'backy2-catalogue', part), { recursive: true });
    expect(await syncCatalogue(lab.context)).toMatchObject({ checked: 0, damaged: [uid], written: 1 });
    await expectWhole(uid);
  });

  describe('of a store that was rolled back', () => {
    const pathOf = (blob: string) => join(lab.core.dataPath, blob.slice(0, 2), blob.slice(2, 4), `${blob}.blob`);

    /** The manifest is from before a block of the version got another blob. */
    async function rolledBack(uid: string, block: number): Promise<void> {
      const folder = join(lab.core.dataPath, 'backy2-catalogue');
      cpSync(folder, `${folder}-old`, { recursive: true });
      const [blob, other] = [((await lab.rows(uid))[block] as LeafRow).uid ?? '', newBlobUid()];
      cpSync(pathOf(blob), pathOf(other));
      lab.core.sql(`UPDATE blocks SET uid = '${other}' WHERE id = ${block}`);
      await lab.core.meta.markManifestStale(uid);
      await lab.flush();
      rmSync(folder, { recursive: true });
      renameSync(`${folder}-old`, folder);
    }

    it('writes older manifests again', async () => {
      const uid = await lab.backup([0, 700]);
      await rolledBack(uid, 700);
      expect(await syncCatalogue(lab.context)).toMatchObject({ damaged: [uid], written: 1 });
      await expectWhole(uid);
      expect(await syncCatalogue(lab.context)).toMatchObject({ checked: 1, written: 0 });
    });

    it('is no base of a new manifest', async () => {
      const uid = await lab.backup([0, 700]);
      await rolledBack(uid, 700);
      const next = await lab.backup([1], { baseUid: uid, content: 'y' });
      await expectWhole(next);
    });
  });

  it('leaves versions to the commands that work on them', async () => {
    const uid = await oldVersion([0]);
    const lock = await lab.core.otherLocks().tryAcquire(uid, 'exclusive');
    expect(await syncCatalogue(lab.context)).toMatchObject({ written: 0, inUse: [uid] });
    await lock?.release();
  });
});

describe('a comparison', () => {
  it('lists what only one side has, and fields that differ', async () => {
    const [old, same, tagged, gone] = [
      await oldVersion([0]),
      await lab.backup([1]),
      await lab.backup([2]),
      await lab.backup([3]),
    ];
    await lab.core.meta.addTags(tagged, ['new']);
    await lab.core.meta.setProtected(tagged, true);
    await lab.core.meta.removeVersion(gone, () => {});
    const found = (await compareCatalogue(lab.context)).map(({ uid, where, fields }) => ({ uid, where, fields }));
    expect(found.sort((a, b) => a.where.localeCompare(b.where))).toEqual([
      { uid: tagged, where: 'both', fields: ['protected', 'tags'] },
      { uid: old, where: 'database', fields: [] },
      { uid: gone, where: 'store', fields: [] },
    ]);
    expect(found.map(({ uid }) => uid)).not.toContain(same);
  });
});
