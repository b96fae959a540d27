import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptVersions } from '../../../../src/core/catalogue/adopt.ts';
import { syncCatalogue } from '../../../../src/core/catalogue/sync.ts';
import { cleanupFast, cleanupFull } from '../../../../src/core/upkeep/cleanup.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { openCatalogue } from '../../../../src/data/catalogue/catalogue.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';

const FAST = { dangerousForce: true, prefix: '' };
const FULL = { prefix: '', yesDelete: 1_000_000 };

let lab: CatalogueLab;
beforeEach(async () => {
  lab = await CatalogueLab.create();
});
afterEach(() => lab.dispose());

async function blobs(): Promise<string[]> {
  const backend = new FileBackend({ type: 'file', path: lab.core.dataPath, durable: false });
  const uids: string[] = [];
  for await (const uid of backend.list('')) uids.push(uid);
  await backend.close();
  return uids.sort();
}

/** The database is as it was while this version was backed up: it has a part of its blocks. */
function backToItsBackup(uid: string): void {
  lab.core.sql('UPDATE versions SET valid = 0');
  lab.core.sql('DELETE FROM blocks WHERE id > 500');
  lab.core.sql(`UPDATE backy2_catalogue SET changes = 1, written = 0, folder = '' WHERE version_uid = '${uid}'`);
}

describe('a database from the time of a backup', () => {
  it.each([
    ['fast', async () => cleanupFast(lab.context, FAST)],
    ['full', async () => cleanupFull(lab.context, FULL)],
  ])('does not let a %s cleanup delete blobs of the version that the catalogue has whole', async (_, cleanup) => {
    const uid = await lab.backup([0, 700]);
    const before = await blobs();
    const { rows } = await lab.storedVersion(uid);
    backToItsBackup(uid);
    await lab.flush();
    await cleanup();
    expect(await blobs()).toEqual(before);
    expect((await lab.storedVersion(uid)).rows).toEqual(rows);
    expect(lab.warnings).toEqual([expect.stringContaining(`${uid} (vm)`)]);
    // The way out: the part of a version goes, the whole one comes.
    await removeVersion(lab.context, uid, true);
    await lab.flush();
    await cleanup();
    expect(await blobs()).toEqual(before);
    expect((await adoptVersions(lab.context)).adopted).toMatchObject([{ uid, valid: true }]);
    await lab.flush();
    expect(await lab.rows(uid)).toEqual(rows);
  });
});

describe('a version whose removal only the data backend knows', () => {
  async function markRemoved(uid: string): Promise<void> {
    const backend = new FileBackend({ type: 'file', path: lab.core.dataPath, durable: false });
    if (backend.objects !== undefined)
      await (await openCatalogue(backend.objects, { masterKey: undefined })).markRemoved(uid, 1_700_000_000);
    await backend.close();
  }

  it.each([
    ['catalogue --sync', async () => void (await syncCatalogue(lab.context))],
    ['cleanup', async () => void (await cleanupFast(lab.context, FAST))],
  ])('is back in the catalogue after %s', async (_, command) => {
    const uid = await lab.backup([0]);
    await markRemoved(uid);
    await command();
    expect((await lab.storedVersion(uid)).isRemoved).toBe(false);
  });
});

describe('a version that was adopted as invalid', () => {
  it('has its removal recorded', async () => {
    const uid = await lab.backup([0]);
    await lab.core.meta.removeVersion(uid, () => {});
    lab.core.sql('DELETE FROM backy2_catalogue WHERE removed IS NOT NULL');
    const [blob = ''] = await blobs();
    rmSync(join(lab.core.dataPath, blob.slice(0, 2), blob.slice(2, 4), `${blob}.blob`));
    expect((await adoptVersions(lab.context)).adopted).toMatchObject([{ uid, valid: false, blocksMissing: 1 }]);
    await lab.flush();
    await removeVersion(lab.context, uid, true);
    await lab.flush();
    expect((await lab.storedVersion(uid)).isRemoved).toBe(true);
  });
});
