import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { convertDatabase } from '../../../../src/core/upkeep/convert-database.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { BackyError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import type { BackupRow, DatedBlockRow } from '../../../../src/model/block.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import type { Layout } from '../../../../src/model/layout.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 2_300;
const SEALED = { encVersion: 1, envKey: '0a'.repeat(40), nonce: '0b'.repeat(16) };

let lab: CoreLab;
let path: string;
beforeEach(async () => {
  lab = await CoreLab.create();
  path = join(lab.folder, 'backy.sqlite');
});
afterEach(() => lab.dispose());

/** Runs `body` with a context whose store is open: a conversion closes it. */
async function opened<T>(body: (context: Context) => Promise<T>): Promise<T> {
  const store = sqliteStore({ path, cacheMb: 4, createIfMissing: false, logger: silentLogger, now: lab.context.now });
  await store.open();
  try {
    return await body({ ...lab.context, meta: store });
  } finally {
    await store.close();
  }
}

const convert = (to: Layout, more: Partial<Context> = {}) =>
  opened((context) => convertDatabase({ ...context, ...more }, { to, dryRun: false }));

function newRow(id: number, seal: Partial<BackupRow> = {}): BackupRow {
  const plain = { encVersion: 0, envKey: null, nonce: null };
  const size = id === BLOCKS - 1 ? 100 : BLOCK_SIZE;
  return { id, uid: newBlobUid(), checksum: 'ab'.repeat(64), size, ...plain, found: false, ...seal };
}

/** All rows of all tables, without dates of blocks and numbers of candidates. */
function dump(file = path): Record<string, unknown[]> {
  const db = new Database(file, { readonly: true });
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'backy2_commit'").pluck().all();
  const rows = (tables as string[]).sort().map((table) => {
    const all = db.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
    const without = { blocks: ['date'], deleted_blocks: ['id'] }[table] ?? [];
    for (const row of all) for (const column of without) delete row[column];
    return [table, all.map((row) => JSON.stringify(row)).sort()];
  });
  db.close();
  return Object.fromEntries(rows);
}

const sql = (statement: string) => lab.sql(statement);

/** A database with all that rows can be: shared, zero, sealed, invalid, missing, odd. */
async function fill(): Promise<void> {
  const { meta } = lab;
  const rows = Array.from({ length: BLOCKS }, (_, id) => newRow(id, id % 7 === 0 ? SEALED : {}));
  await lab.wholeVersion('v1', rows);
  await lab.wholeVersion(
    'v2',
    rows.map((row) => (row.id % 500 === 3 ? newRow(row.id) : { ...row, found: true })),
  );
  await lab.wholeVersion('one', [{ ...newRow(0), size: 77 }]);
  await lab.newVersion('empty', 0);
  const unfinished = await lab.newVersion('unfinished', BLOCKS * BLOCK_SIZE);
  const geometry = { blockSize: BLOCK_SIZE, sizeBytes: unfinished.sizeBytes };
  const sparse = [{ first: 100, count: 50 }];
  await meta.commitGroup('unfinished', { rows: [newRow(5), newRow(1999)], sparse, counters: () => NO_COUNTS }, geometry);
  await lab.wholeVersion('removed', [newRow(0)]);
  await meta.removeVersion('removed', () => {});
  await meta.addTags('v1', ['a', 'b']);
  await meta.recordChecks([{ uid: rows[4]?.uid ?? '', good: true }], 1_234);
  await meta.markBlobsInvalid([{ uid: rows[9]?.uid ?? '', checksum: rows[9]?.checksum ?? '' }]);
  await meta.keepStoreId('8a1f4b1e-0000-4000-8000-000000000000');
  await meta.putRunRecord({
    ...{ kind: 'job', name: 'vm', job: 'vm', host: 'node1', started: lab.now, ended: null, succeeded: lab.now, failures: 2 },
    ...{ exitCode: 22, problem: 'x', reported: lab.now, hook: 'before' },
  });
  await meta.addSpace({ date: lab.now, virtual: 1, real: 2, stored: null, versions: 3, names: 4, kinds: { freed: 5 } });
  // Leftovers in zero blocks, blobs without encryption with and without an empty key, an odd
  // length.
  sql(`UPDATE blocks SET uid = NULL, checksum = NULL, enc_envkey = 'left over', enc_nonce = '' WHERE id BETWEEN 20 AND 22;
    UPDATE blocks SET uid = NULL, checksum = NULL, enc_version = 0, enc_envkey = NULL, enc_nonce = NULL WHERE id BETWEEN 30 AND 1234;
    UPDATE blocks SET enc_envkey = '' WHERE id = 25;
    UPDATE blocks SET valid = 0 WHERE id = 26 AND version_uid = 'v2';
    UPDATE blocks SET size = 4000 WHERE id = 27 AND version_uid = 'v1';
    DELETE FROM blocks WHERE id IN (40, 41) AND version_uid = 'v2';
    UPDATE versions SET date = '2026-11-23 04:42:24.123456', expire = '2031-01-02', snapshot_name = 'snap', protected = 1 WHERE uid = 'v1';
    INSERT INTO backy2_imported VALUES ('u', 'c');
    INSERT INTO deleted_blocks (uid, size, delete_candidate, time) SELECT uid, size, 0, 99 FROM blocks WHERE id = 50 OR id = 2000 GROUP BY uid HAVING uid <> ''`);
  await meta.close();
}

describe('a conversion', () => {
  test('and back gives the same rows in all tables', async () => {
    await fill();
    const before = dump();
    const { blocks = [] } = before;
    expect(blocks.length).toBeGreaterThan(4_600);
    const there = await convert('compact');
    expect(there).toMatchObject({
      from: 'classic',
      to: 'compact',
      versions: 5,
      blocks: blocks.length,
      versionsKept: 0,
    });
    expect(there.oldDatabase).toBe(`${path}.before-compact`);
    expect(Object.keys(dump())).not.toContain('blocks');
    const back = await convert('classic');
    expect(back).toMatchObject({ from: 'compact', to: 'classic', versions: 5, blocks: there.blocks });
    expect(dump()).toEqual(before);
  });

  test('keeps the old file, and leaves no other', async () => {
    await fill();
    const before = dump();
    await convert('compact');
    expect(dump(`${path}.before-compact`)).toEqual(before);
    const names = () => readdirSync(lab.folder).filter((name) => name.startsWith('backy.sqlite'));
    expect(names().sort()).toEqual(['backy.sqlite', 'backy.sqlite.before-compact']);
    await convert('classic');
    await convert('compact');
    expect(names()).toContain('backy.sqlite.before-compact.2');
  });

  test('makes a database of the other layout that says so', async () => {
    await fill();
    await convert('compact');
    await opened(async ({ meta }) => {
      expect(await meta.layout()).toBe('compact');
      expect((await meta.listVersions({})).map(({ uid }) => uid).sort()).toEqual(['empty', 'one', 'unfinished', 'v1', 'v2']);
      expect(await meta.findVersion('v1')).toMatchObject({ tags: ['a', 'b'], protected: true, snapshotName: 'snap' });
    });
  });

  test('to the layout that it has is refused', async () => {
    await expect(convert('classic')).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('already') });
  });

  test('of damaged rows is refused, with nothing changed', async () => {
    await fill();
    sql('UPDATE blocks SET id = 9999 WHERE id = 7');
    const before = dump();
    await expect(convert('compact')).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('damaged') });
    expect(dump()).toEqual(before);
    expect(existsSync(`${path}.converting-to-compact`)).toBe(false);
  });

  test('is refused while an operation runs, or blobs are doomed', async () => {
    await fill();
    const lock = await lab.otherLocks().tryAcquire('backy-operations', 'shared');
    await expect(convert('compact')).rejects.toMatchObject({ code: 'locked' });
    await lock?.release();
    sql("INSERT INTO backy2_doomed VALUES ('uid', 1)");
    await expect(convert('compact')).rejects.toMatchObject({ hint: 'Run first: backy2 cleanup' });
  });

  test.each([
    { uid: newBlobUid() },
    { checksum: 'cd'.repeat(64) },
    { size: 4000 },
    { valid: false },
    { encVersion: 0 },
    { envKey: '0c'.repeat(40) },
    { nonce: null },
  ])('whose copy differs by %j is refused, with nothing changed', async (change) => {
    await lab.wholeVersion('v1', [newRow(0, SEALED), { ...newRow(1, SEALED), size: 9 }]);
    await lab.meta.close();
    const before = dump();
    await opened(async (context) => {
      const { meta } = context;
      async function* changed(rows: AsyncIterable<DatedBlockRow>): AsyncIterable<DatedBlockRow> {
        for await (const row of rows) yield row.id === 0 ? { ...row, ...change } : row;
      }
      const convertTo: MetaStore['convertTo'] = async (layout) => {
        const conversion = await meta.convertTo(layout);
        const importVersion: MetaStore['importVersion'] = (version, rows) =>
          conversion.target.importVersion(version, changed(rows));
        return { ...conversion, target: { ...conversion.target, importVersion } };
      };
      await expect(
        convertDatabase({ ...context, meta: { ...meta, convertTo } }, { to: 'compact', dryRun: false }),
      ).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('Block 0 of version v1 is not the same') });
    });
    expect(dump()).toEqual(before);
  });

  test.each([
    ['added', "INSERT INTO versions SELECT 'late', date, expire, name, '', 0, 0, 1, 0 FROM versions LIMIT 1", 'late'],
    ['removed', "DELETE FROM blocks WHERE version_uid = 'one'; DELETE FROM versions WHERE uid = 'one'", 'one'],
    ['finished', "UPDATE versions SET valid = 1 WHERE uid = 'open'", 'open'],
  ])('is refused when a program without our locks has %s a version meanwhile', async (_, change, uid) => {
    await lab.wholeVersion('v1', [newRow(0), newRow(1)]);
    await lab.wholeVersion('one', [{ ...newRow(0), size: 77 }]);
    await lab.newVersion('open', BLOCK_SIZE);
    await lab.meta.close();
    await opened(async (context) => {
      const convertTo: MetaStore['convertTo'] = async (layout) => {
        const conversion = await context.meta.convertTo(layout);
        const copyRest = () => {
          sql(change);
          return conversion.copyRest();
        };
        return { ...conversion, copyRest };
      };
      await expect(
        convertDatabase({ ...context, meta: { ...context.meta, convertTo } }, { to: 'compact', dryRun: false }),
      ).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining(`version ${uid} meanwhile`) });
      expect(await context.meta.layout()).toBe('classic');
    });
    await convert('compact');
    await opened(async ({ meta }) => {
      expect((await meta.listVersions({})).some((version) => version.uid === uid)).toBe(uid !== 'one');
    });
  });

  test('that only says what it would take changes nothing', async () => {
    await fill();
    const before = readFileSync(path);
    const plan = await opened((context) => convertDatabase(context, { to: 'compact', dryRun: true }));
    expect(plan).toMatchObject({ dryRun: true, versions: 5, oldDatabase: null });
    expect(plan.bytesBefore).toBe(before.length);
    expect(plan.bytesAfter).toBeGreaterThan(0);
    expect(existsSync(`${path}.converting-to-compact`)).toBe(false);
  });
});

describe('a conversion that was stopped', () => {
  /** Stops after this number of rows was copied. */
  async function stopped(rows: number): Promise<void> {
    const aborter = new AbortController();
    let left = rows;
    await opened(async (context) => {
      const meta: MetaStore = {
        ...context.meta,
        datedBlockPage: async (...request) => {
          const page = await context.meta.datedBlockPage(...request);
          left -= page.length;
          if (left < 0) aborter.abort(new Error('stopped'));
          return page;
        },
      };
      await expect(
        convertDatabase({ ...context, meta, signal: aborter.signal }, { to: 'compact', dryRun: false }),
      ).rejects.toThrow('stopped');
    });
  }

  test('leaves the database as it is, and continues with what is copied', async () => {
    await fill();
    const before = dump();
    await stopped(3_000);
    expect(dump()).toEqual(before);
    const { versionsKept } = await convert('compact');
    expect(versionsKept).toBeGreaterThan(0);
    await convert('classic');
    expect(dump()).toEqual(before);
  });

  test('says how to continue and how to give up', async () => {
    await fill();
    const aborter = new AbortController();
    const reason = new BackyError('interrupted', 'Stopped.');
    await opened(async (context) => {
      const datedBlockPage: MetaStore['datedBlockPage'] = (...request) => {
        aborter.abort(reason);
        return context.meta.datedBlockPage(...request);
      };
      const stopped = { ...context, meta: { ...context.meta, datedBlockPage }, signal: aborter.signal };
      await expect(convertDatabase(stopped, { to: 'compact', dryRun: false })).rejects.toMatchObject({
        code: 'interrupted',
        hint: `The old database is as before. To continue, run the command again; to give up, remove ${path}.converting-to-compact.`,
      });
    });
    rmSync(`${path}.converting-to-compact`);
    expect(await convert('compact')).toMatchObject({ versions: 5, versionsKept: 0 });
  });

  test('stops within a version, after the rows that it reads at a time', async () => {
    const blocks = 10_001;
    const rows = Array.from({ length: blocks }, (_, id) => ({ ...newRow(0), id }));
    await lab.wholeVersion('large', rows.with(-1, { ...newRow(BLOCKS - 1), id: blocks - 1 }));
    await lab.meta.close();
    const aborter = new AbortController();
    let pages = 0;
    await opened(async (context) => {
      const datedBlockPage: MetaStore['datedBlockPage'] = (...request) => {
        pages++;
        setImmediate(() => aborter.abort(new Error('stopped')));
        return context.meta.datedBlockPage(...request);
      };
      const stopped = { ...context, meta: { ...context.meta, datedBlockPage }, signal: aborter.signal };
      await expect(convertDatabase(stopped, { to: 'compact', dryRun: false })).rejects.toThrow('stopped');
    });
    expect(pages).toBe(1);
    expect(await convert('compact')).toMatchObject({ versionsKept: 0, blocks });
  });

  test.each([
    ['no database', () => writeFileSync(`${path}.converting-to-compact`, randomBytes(9000))],
    ['a database of the old layout', () => copyFileSync(path, `${path}.converting-to-compact`)],
  ])('whose new file is %s is refused, with nothing changed', async (_, make) => {
    await fill();
    make();
    const before = dump();
    const beside = `${path}.converting-to-compact`;
    const other = readFileSync(beside);
    await expect(convert('compact')).rejects.toMatchObject({
      code: 'database',
      message: `The file ${beside} is not an unfinished conversion of this database. Nothing was changed.`,
      hint: `To begin the conversion again, remove ${beside}. Then run the command again.`,
    });
    expect(dump()).toEqual(before);
    expect(readFileSync(beside).equals(other)).toBe(true);
  });

  test('copies again what has changed since, and drops what was removed', async () => {
    await fill();
    await stopped(4_000);
    await opened(async ({ meta }) => {
      await meta.removeVersion('one', () => {});
      const [row] = await meta.blocksById('v1', [2_222]);
      await meta.markBlobsInvalid([{ uid: row?.uid ?? '', checksum: row?.checksum ?? '' }]);
      await meta.addTags('v1', ['late']);
    });
    const before = dump();
    await convert('compact');
    await convert('classic');
    const after = dump();
    const candidates = 'deleted_blocks';
    expect({ ...after, [candidates]: [] }).toEqual({ ...before, [candidates]: [] });
    // The blob of the block that was marked is one too much: cleanup drops it, since it is used.
    expect(after[candidates]).toEqual(expect.arrayContaining(before[candidates] ?? []));
  });
});
