import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import { MetaLab, row } from '../../../support/conformance/meta-lab.ts';
import { sumOf, uidOf } from '../../../support/conformance/numbered-blobs.ts';
import { editDatabase } from '../../../support/stores/edit-database.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-marks-'));
  path = join(folder, 'backy.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const edit = (statements: string) => editDatabase(path, statements);

/** Adds leaves of no version, so that a look at all of them takes several pages. */
function addLeaves(count: number): void {
  edit(`INSERT INTO backy2_leaves (n, odd, sum, data) WITH RECURSIVE numbers(n) AS
    (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
    SELECT leaf.n, odd, sum, data FROM numbers JOIN (SELECT * FROM backy2_leaves LIMIT 1) AS leaf`);
}

describe('marks of bad blobs in the compact layout', () => {
  const lab = new MetaLab(async () => ({
    layout: 'compact' as const,
    store: () => sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now: () => new Date() }),
    setNow: () => {},
    ageCandidates: async () => {},
    dispose: async () => {},
  }));
  const blob = (n: number) => ({ uid: uidOf(n), checksum: sumOf(n) });
  const isValid = async (uid: string) => (await lab.meta.findVersion(uid))?.valid;

  it('keep no other program waiting while all leaves are read, and find versions that are made meanwhile', async () => {
    await lab.whole('v1', 100);
    addLeaves(20_000);
    await lab.newVersion('v2');
    const other = lab.fixture.store();
    await other.open();
    let isMarked = false;
    const marking = lab.meta.markBlobsInvalid([blob(103)]).then(() => {
      isMarked = true;
    });
    const rows = Array.from({ length: 9 }, (_, id) => ({ ...row(id, 100 + id, true) }));
    const group = { rows: [...rows, row(9, 109)], sparse: [], counters: () => ({}) as never };
    await other.commitGroup('v2', group, { blockSize: 100, sizeBytes: 950 });
    const version = await other.findVersion('v2');
    if (version === undefined) throw new Error('no version');
    expect(await other.finishBackup(version, undefined)).toBe(true);
    expect(isMarked).toBe(false);
    await marking;
    expect([await isValid('v1'), await isValid('v2')]).toEqual([false, false]);
    await other.close();
  });

  it('spare a blob that is healed while all leaves are read', async () => {
    await lab.whole('v1', 100);
    await lab.meta.markBlobsInvalid([blob(103)]);
    addLeaves(20_000);
    const other = lab.fixture.store();
    await other.open();
    const marking = lab.meta.markBlobsInvalid([blob(103)]);
    const good = { ...blob(500), checksum: sumOf(103), size: 100, encVersion: 0, envKey: null, nonce: null };
    expect(await other.heal([good])).toEqual({ blocks: 1, versions: ['v1'] });
    expect(await other.validateWhole(['v1'])).toEqual(['v1']);
    expect(await marking).toEqual([[]]);
    expect(await isValid('v1')).toBe(true);
    await other.close();
  });

  it('are set although a leaf of another version is damaged', async () => {
    await lab.whole('damaged', 200);
    edit('UPDATE backy2_leaves SET data = zeroblob(length(data))');
    await lab.whole('v1', 100);
    expect(await lab.meta.markBlobsInvalid([blob(103), blob(203)])).toEqual([[{ versionUid: 'v1', id: 3 }], []]);
    expect((await lab.rowsOf('v1')).map(({ valid }) => valid).indexOf(false)).toBe(3);
  });
});
