import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import { isOutdated, REVISIONS } from '../../../src/meta/sql/revisions.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';
import type { Layout } from '../../../src/model/layout.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-layout-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function storeOf(createIfMissing = false) {
  const path = join(folder, 'backy.sqlite');
  return sqliteStore({ path, cacheMb: 1, createIfMissing, logger: silentLogger, now: () => new Date() });
}

/** A new database of this layout, as another program opens it. */
async function made(layout?: Layout): Promise<Database.Database> {
  const store = storeOf();
  await store.initialize(layout);
  await store.open();
  await store.close();
  return new Database(join(folder, 'backy.sqlite'));
}

const values = (db: Database.Database, sql: string) => db.prepare(sql).pluck().all();

describe('a store', () => {
  it.each(['classic', 'compact'] as const)('says that its database has the layout %s', async (layout) => {
    (await made(layout)).close();
    const store = storeOf();
    await store.open({ layout });
    expect(await store.layout()).toBe(layout);
    await store.close();
  });

  it('is classic unless another layout is named', async () => {
    const db = await made();
    expect(values(db, 'SELECT version_num FROM alembic_version')).toEqual(['30349b678801']);
    db.close();
  });

  it('creates a missing database in the layout that it is to have', async () => {
    const store = storeOf(true);
    expect(await store.open({ layout: 'compact' })).toEqual({ isNew: true });
    expect(await store.layout()).toBe('compact');
    await store.close();
  });

  it('names an unknown revision, not a wrong layout', async () => {
    const db = await made('compact');
    db.exec("UPDATE alembic_version SET version_num = 'backy2-compact-99'");
    db.close();
    await expect(storeOf().open({ layout: 'compact' })).rejects.toThrow('unknown revision backy2-compact-99');
  });

  it('refuses another layout before it upgrades an old database', async () => {
    const db = await made();
    db.exec(`UPDATE alembic_version SET version_num = '${REVISIONS[0]}'`);
    await expect(storeOf().open({ layout: 'compact' })).rejects.toMatchObject({ code: 'config', exitCode: 1 });
    expect(values(db, 'SELECT version_num FROM alembic_version')).toEqual([REVISIONS[0]]);
    db.close();
  });
});

describe('the original and older releases, on a compact database,', () => {
  it('meet one revision, which they do not know and which fits the column', async () => {
    const db = await made('compact');
    const revisions = values(db, 'SELECT version_num FROM alembic_version') as string[];
    expect(revisions).toHaveLength(1);
    expect(REVISIONS).not.toContain(revisions[0]);
    expect(revisions[0]?.length).toBeLessThanOrEqual(32);
    db.close();
  });

  it('find no table of blocks, so that none of their questions says that no blob is named', async () => {
    const db = await made('compact');
    for (const question of [
      'SELECT DISTINCT uid FROM blocks',
      'SELECT count(*) FROM blocks',
      "SELECT 1 FROM blocks WHERE uid = 'x'",
      'SELECT uid FROM deleted_blocks WHERE uid NOT IN (SELECT uid FROM blocks)',
    ])
      expect(() => db.prepare(question).all(), question).toThrow('no such table: blocks');
    db.close();
  });

  it('find no candidate for deletion', async () => {
    const db = await made('compact');
    expect(values(db, 'SELECT count(*) FROM deleted_blocks')).toEqual([0]);
    db.close();
  });

  it('do not make the table themselves: the others exist', async () => {
    const db = await made('compact');
    const tables = values(db, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')");
    expect(tables).toEqual(expect.arrayContaining(['versions', 'tags', 'stats', 'deleted_blocks', 'alembic_version']));
    expect(tables).not.toContain('blocks');
    db.close();
  });
});

it('an unknown revision is refused by name', () => {
  expect(() => isOutdated('db', 'backy2-compact-2')).toThrow('unknown revision backy2-compact-2');
});
