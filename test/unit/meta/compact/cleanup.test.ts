import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { metaCleanupSuite } from '../../../support/conformance/meta-cleanup.ts';
import { GEOMETRY, MetaLab, row } from '../../../support/conformance/meta-lab.ts';
import { sumOf, uidOf } from '../../../support/conformance/numbered-blobs.ts';
import { MemoryWorld } from '../../../support/garbage/race-world.ts';
import { StoreRace } from '../../../support/garbage/store-race.ts';
import { runSeed } from '../../../support/images/random.ts';
import { editDatabase } from '../../../support/stores/edit-database.ts';

const SEED = runSeed();

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-compact-'));
  path = join(folder, 'backy.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const edit = (statements: string) => editDatabase(path, statements);

function count(table: string): number {
  const database = new Database(path);
  const { n } = database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number };
  database.close();
  return n;
}

describe('cleanup of the compact layout on SQLite', () => {
  const lab = new MetaLab(async () => {
    let now = new Date();
    return {
      layout: 'compact' as const,
      store: () => sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now: () => now }),
      setNow: (date: Date) => {
        now = date;
      },
      ageCandidates: async (seconds: number) => edit(`UPDATE backy2_candidates SET time = time - ${seconds}`),
      dispose: async () => {},
    };
  });

  const { whole, newVersion, commit, doom } = lab;
  const remove = (uid: string) => lab.meta.removeVersion(uid, () => {});
  const uidsFrom = (first: number) => Array.from({ length: 10 }, (_, i) => uidOf(first + i));

  describe('conformance', () => metaCleanupSuite(lab));

  it('spares a blob that a backup uses after the leaves were read', async () => {
    await whole('v1', 100);
    await newVersion('v2');
    await whole('other', 200, 'other');
    await remove('v1');
    const other = lab.fixture.store();
    await other.open();
    let committing: Promise<unknown> | undefined;
    const left = await lab.meta.dropUsedCandidates(0, () => {
      // Leaves are read beside another writer. Its commit follows before anything is judged.
      const nothing = { minAgeSeconds: 0, limit: 0, prefix: '', isAlone: false };
      void other.withUnusedCandidates(nothing, () => sleep(200));
      committing ??= other.commitGroup('v2', { rows: [row(0, 100, true)], sparse: [], counters: () => NO_COUNTS }, GEOMETRY);
    });
    expect(await committing).toMatchObject({ refused: [] });
    expect(left).toBe(9);
    expect((await lab.meta.doomCandidates(0, 100, '')).sort()).toEqual(uidsFrom(100).slice(1));
    await other.close();
  });

  it('judges no blob whose version is removed after the leaves were read: the next one finds it', async () => {
    await whole('v1', 100);
    await newVersion('v2');
    // In other places: the removal of v1 takes them for unused.
    const found = Array.from({ length: 9 }, (_, id) => row(id, 101 + id, true)).map((block) => ({ ...block, size: 100 }));
    expect((await commit('v2', found.slice(0, 8))).refused).toEqual([]);
    await remove('v1');
    let removing: Promise<unknown> = Promise.resolve();
    const left = await lab.meta.dropUsedCandidates(0, () => {
      removing = remove('v2');
    });
    await removing;
    expect(left).toBe(2);
    expect((await doom(0, 100, '')).sort()).toEqual(uidsFrom(100));
  });

  it('makes blobs unusable for backups once no leaf names them', async () => {
    await whole('v1', 100);
    await remove('v1');
    const find = () => lab.meta.findBlobs([{ checksum: sumOf(103), size: 100 }], 0);
    expect((await find()).size).toBe(1);
    await lab.meta.dropUsedCandidates(0);
    expect((await find()).size).toBe(0);
    await newVersion('v2');
    expect((await commit('v2', [row(3, 103, true)])).refused).toHaveLength(1);
  });

  it('makes their blocks bad in an import: the blobs may be gone before it adds its rows', async () => {
    await whole('v1', 100);
    const version = await lab.meta.findVersion('v1');
    const rows = await lab.meta.datedBlockPage('v1', -1, 10);
    if (version === undefined) throw new Error('no version');
    await remove('v1');
    await lab.meta.dropUsedCandidates(0);
    async function* exported() {
      yield* rows;
    }
    expect(await lab.meta.importVersion(version, exported())).toEqual({ doomed: 10, mayLack: false, bad: 0 });
    expect((await lab.rowsOf('v1')).some(({ valid }) => valid)).toBe(false);
    expect((await lab.meta.findVersion('v1'))?.valid).toBe(false);
    expect(await doom(0, 100, '')).toEqual([]);
    expect(await lab.meta.unnamed(uidsFrom(100))).toEqual([]);
  });

  it('keeps imported blocks good whose bytes another blob keeps', async () => {
    await whole('v1', 100);
    const version = await lab.meta.findVersion('v1');
    const rows = await lab.meta.datedBlockPage('v1', -1, 10);
    if (version === undefined) throw new Error('no version');
    edit(`INSERT INTO backy2_blobs (uid, checksum, size, valid, enc_version) VALUES ('${uidOf(100)}', x'aa', 100, 1, 0)`);
    await remove('v1');
    await lab.meta.dropUsedCandidates(0);
    async function* exported() {
      yield* rows;
    }
    expect(await lab.meta.importVersion(version, exported())).toEqual({ doomed: 9, mayLack: false, bad: 0 });
    expect((await lab.rowsOf('v1')).filter(({ valid }) => valid).map(({ id }) => id)).toEqual([0]);
    expect(await doom(0, 100, '')).toEqual([]);
  });

  it('samples no blob that a killed cleanup may have deleted, and does not count it as named', async () => {
    const sample = () => lab.meta.sampleBlobs({ limit: 100, random: Math.random, alsoInvalid: true });
    await whole('v1', 100);
    await remove('v1');
    expect(await sample()).toHaveLength(10);
    expect(await lab.meta.namesBlobs()).toBe(true);
    await lab.meta.prepareFullCleanup(() => {});
    expect(await sample()).toEqual([]);
    expect(await lab.meta.namesBlobs()).toBe(false);
  });

  it('leaves younger candidates usable', async () => {
    await whole('v1', 100);
    await remove('v1');
    await lab.fixture.ageCandidates(60);
    await whole('v2', 200);
    await remove('v2');
    expect(await lab.meta.dropUsedCandidates(60)).toBe(10);
    await newVersion('v3');
    expect((await commit('v3', [row(0, 100, true), row(1, 200, true)])).refused).toHaveLength(1);
    expect(await lab.meta.waitingBlobs(60, '')).toMatchObject({ blobs: 9 });
  });

  it('drops young candidates that others use, so that none of them counts as waiting, and reads leaves once for that', async () => {
    await whole('v1', 100);
    await newVersion('v2');
    // In other places: the removal of v1 takes it for unused.
    await commit('v2', [{ ...row(5, 100, true), size: 100 }]);
    await remove('v1');
    let pages = 0;
    const search = () => lab.meta.dropUsedCandidates(3600, () => pages++);
    expect(await search()).toBe(0);
    expect(await lab.meta.waitingBlobs(3600, '')).toMatchObject({ blobs: 9 });
    expect(await search()).toBe(0);
    expect(pages).toBe(1);
  });

  it('deletes the bytes of a uid only with the last blob that has it', async () => {
    await whole('v1', 100);
    edit(`INSERT INTO backy2_blobs (uid, checksum, size, valid, enc_version) VALUES ('${uidOf(100)}', x'aa', 100, 1, 0)`);
    await remove('v1');
    expect((await doom(0, 100, '')).sort()).toEqual(uidsFrom(101).slice(0, 9));
    expect(await lab.meta.unnamed([uidOf(100)])).toEqual([]);
    await lab.meta.prepareFullCleanup(() => {});
    expect(await lab.meta.unnamed([uidOf(100)])).toEqual([uidOf(100)]);
    expect(await lab.meta.doomCandidates(0, 100, '')).toEqual([uidOf(100)]);
  });

  it('finishes with a uid that an import has named meanwhile, as a bad one, and keeps that row', async () => {
    await whole('v1', 100);
    await remove('v1');
    await doom(0, 100, '');
    edit(`INSERT INTO backy2_blobs (uid, checksum, size, valid, enc_version) VALUES ('${uidOf(100)}', x'aa', 100, 0, 0)`);
    expect((await lab.meta.leftDoomed(100)).sort()).toEqual(uidsFrom(101).slice(0, 9));
    await lab.meta.forgetDoomed(uidsFrom(100));
    expect(await lab.meta.unnamed([uidOf(100), uidOf(101)])).toEqual([uidOf(101)]);
  });

  it('forgets blobs without bytes: zero blocks with unusual fields', async () => {
    await newVersion('v1');
    await commit('v1', [{ ...row(0, 1), uid: null, checksum: null, encVersion: 1 }]);
    await remove('v1');
    expect(await doom(0, 100, '')).toEqual([]);
    expect(await lab.meta.dropUsedCandidates(0)).toBe(0);
    expect(count('backy2_blobs')).toBe(0);
  });

  it('forgets everything about deleted blobs', async () => {
    await whole('v1', 100);
    await remove('v1');
    await lab.meta.forgetDoomed(await doom(0, 100, ''));
    for (const table of [
      'backy2_blobs',
      'backy2_leaves',
      'backy2_maps',
      'backy2_map_leaves',
      'backy2_candidates',
      'backy2_doomed',
    ])
      expect([table, count(table)]).toEqual([table, 0]);
  });

  it.each([
    ['damaged', 'UPDATE backy2_leaves SET data = zeroblob(length(data)) WHERE id = 1', /leaf 1 .* has another checksum/],
    ['missing', 'DELETE FROM backy2_leaves WHERE id = 1', /leaf 1 .* is missing/],
  ])('deletes nothing while a leaf is %s: its blobs would count as unused', async (_, damage, message) => {
    await whole('v1', 100);
    await whole('v2', 200);
    await remove('v2');
    edit(damage);
    await expect(lab.meta.dropUsedCandidates(0)).rejects.toMatchObject({
      code: 'database',
      message: expect.stringMatching(message),
    });
    await expect(lab.meta.prepareFullCleanup(() => {})).rejects.toMatchObject({ code: 'database' });
    expect(await lab.meta.doomCandidates(0, 100, '')).toEqual([]);
    expect(await lab.meta.unnamed([...uidsFrom(100), ...uidsFrom(200)])).toEqual([]);
  });

  it.each([1, 10])('is refused in full while the row of blob %d is lost: its bytes would count as unused', async (blob) => {
    await whole('v1', 100);
    edit(`DELETE FROM backy2_blobs WHERE id = ${blob}`);
    await expect(lab.meta.prepareFullCleanup(() => {})).rejects.toMatchObject({
      code: 'database',
      message: expect.stringContaining(`a leaf names blob ${blob}, which has no row`),
    });
  });

  it('finds the blobs of an import that was killed only in a full cleanup: it may be running', async () => {
    await whole('v1', 100);
    await whole('killed', 200);
    // An import adds the version last.
    edit("DELETE FROM versions WHERE uid = 'killed'");
    edit("UPDATE backy2_maps SET digest = NULL WHERE version_uid = 'killed'");
    expect(await doom(0, 100, '')).toEqual([]);
    await lab.meta.prepareFullCleanup(() => {});
    expect(count('backy2_maps')).toBe(1);
    expect((await lab.meta.unnamed([...uidsFrom(100), ...uidsFrom(200)])).sort()).toEqual(uidsFrom(200));
    expect((await doom(0, 100, '')).sort()).toEqual(uidsFrom(200));
  });

  it('keeps the blobs of a whole version whose row is lost, in a full cleanup too', async () => {
    await whole('v1', 100);
    edit("DELETE FROM versions WHERE uid = 'v1'");
    await lab.meta.prepareFullCleanup(() => {});
    expect(await lab.meta.unnamed(uidsFrom(100))).toEqual([]);
    expect(await doom(0, 100, '')).toEqual([]);
  });

  it('finds ids that are far apart', async () => {
    await whole('v1', 100);
    edit(`UPDATE sqlite_sequence SET seq = ${3 * 2 ** 28} WHERE name = 'backy2_blobs'`);
    await whole('v2', 200);
    await whole('v3', 300, 'other');
    await remove('v2');
    await remove('v1');
    expect(await lab.meta.dropUsedCandidates(0)).toBe(20);
    expect(await lab.meta.unnamed([...uidsFrom(100), ...uidsFrom(300)])).toEqual(uidsFrom(100));
  });

  describe('a full cleanup', () => {
    it('finds blobs that no version names and that are no candidates', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      await remove('v1');
      edit('DELETE FROM backy2_candidates');
      expect(await doom(0, 100, '')).toEqual([]);
      await lab.meta.prepareFullCleanup(() => {});
      expect(await lab.meta.unnamed([...uidsFrom(100), ...uidsFrom(200)])).toEqual(uidsFrom(100));
    });

    it('finds candidates from the future', async () => {
      await whole('v1', 100);
      await remove('v1');
      await lab.fixture.ageCandidates(-4000);
      await lab.meta.prepareFullCleanup(() => {});
      expect(await lab.meta.unnamed(uidsFrom(100))).toEqual(uidsFrom(100));
    });

    it('that was killed after it has deleted bytes leaves no blob that a backup could use', async () => {
      await whole('v1', 100);
      await remove('v1');
      await lab.meta.prepareFullCleanup(() => {});
      await newVersion('v2');
      expect(await lab.meta.findBlobs([{ checksum: sumOf(100), size: 100 }], 0)).toEqual(new Map());
      expect((await commit('v2', [row(0, 100, true)])).refused).toHaveLength(1);
    });

    it('is refused with a damaged index of uids', async () => {
      await whole('v1', 100);
      edit(`PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = sql || ' WHERE id <> 5' WHERE name = 'backy2_ix_blobs_uid';`);
      edit('REINDEX backy2_ix_blobs_uid');
      edit(`PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = replace(sql, ' WHERE id <> 5', '') WHERE name = 'backy2_ix_blobs_uid';`);
      const preparing = lab.meta.prepareFullCleanup(() => {});
      await expect(preparing).rejects.toMatchObject({ code: 'database', message: expect.stringMatching(/is damaged/) });
    });
  });

  it(`loses and leaks nothing when programs back up, remove and clean up at once (seed ${SEED}; BACKY_TEST_SEED repeats it)`, async () => {
    const race = new StoreRace({ seed: SEED, world: new MemoryWorld(), kills: 0.02 });
    const others = [lab.fixture.store(), lab.fixture.store()];
    for (const other of others) await other.open();
    await race.run([lab.meta, ...others], 20);
    for (const other of others) await other.close();
    await race.finish(lab.meta);
    for (const table of ['backy2_blobs', 'backy2_leaves', 'backy2_map_leaves', 'backy2_candidates', 'backy2_doomed'])
      expect([table, count(table)]).toEqual([table, 0]);
  });

  describe('on a full disk', () => {
    const unused = async (isAlone: boolean, request: { limit?: number; prefix?: string; minAgeSeconds?: number } = {}) => {
      const found: string[] = [];
      const candidates = { minAgeSeconds: 0, limit: 100, prefix: '', isAlone, ...request };
      await lab.meta.withUnusedCandidates(candidates, async (uids) => void found.push(...uids));
      return found.sort();
    };

    it('deletes beside others only blobs that were marked before: a backup could use others afterwards', async () => {
      await whole('v1', 100);
      await remove('v1');
      expect(await unused(false)).toEqual([]);
      await lab.meta.dropUsedCandidates(0);
      expect(await unused(false)).toEqual(uidsFrom(100));
    });

    it('deletes alone all that no leaf names, and marks nothing', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      // In other places: the removal of v1 takes them for unused.
      await commit('v2', [{ ...row(5, 100, true), size: 100 }]);
      await remove('v1');
      expect(await unused(true)).toEqual(uidsFrom(101).slice(0, 9));
      expect(await unused(true, { limit: 4 })).toHaveLength(4);
      expect(await unused(true, { minAgeSeconds: 3600 })).toEqual([]);
      expect(await unused(true, { prefix: uidOf(105) })).toEqual([uidOf(105)]);
      expect(await unused(false)).toEqual([]);
    });

    it('deletes no bytes that another blob has, or a cleanup has doomed', async () => {
      await whole('v1', 100);
      edit(`INSERT INTO backy2_blobs (uid, checksum, size, valid, enc_version) VALUES ('${uidOf(100)}', x'aa', 100, 1, 0)`);
      await remove('v1');
      edit(`INSERT INTO backy2_doomed (uid, time) VALUES ('${uidOf(101)}', 1)`);
      expect(await unused(true)).toEqual(uidsFrom(102).slice(0, 8));
    });

    it('deletes nothing while a leaf is damaged', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      await remove('v2');
      edit('UPDATE backy2_leaves SET data = zeroblob(length(data))');
      await expect(unused(true)).rejects.toMatchObject({ code: 'database' });
    });
  });
});
