import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { remount, withTmpfs } from '../support/labs/mounted.ts';
import {
  ALEMBIC,
  type Cell,
  isSince,
  OLD_REVISIONS,
  oldSchema,
  type RevisionName,
  type Row,
  type Tables,
  writeDatabase,
} from '../support/old/old-database.ts';
import { asOf, copiesOf, createOldStore, makeOld, type OldStore, tablesOf } from '../support/old/old-store.ts';
import { lacking, needMount } from '../support/runner/machine.ts';

const mount = lacking(await needMount());
const NEWEST = '30349b678801';

let store: OldStore;
let fresh: Lab;
beforeAll(async () => {
  store = await createOldStore();
  fresh = await Lab.create();
});
afterAll(() => {
  store.lab.remove();
  fresh.remove();
});

/** Every old revision, as initdb made it and as ALTER TABLE did. */
const CASES = OLD_REVISIONS.flatMap((revision) =>
  (['created', 'altered'] as const).map((layout) => ({ revision, layout, from: revision ?? '(none)' })),
);

describe('a database of an old revision', () => {
  test.each(CASES)(
    '$from, $layout: the first command upgrades it, and everything restores',
    async ({ revision, layout, from }) => {
      makeOld(store, revision, layout);
      const { lab, oracle } = store;
      const before = readFileSync(lab.databasePath);
      const { copy } = await upgrade(lab, from);
      expect(readFileSync(copy).subarray(PAGE_SIZE_AND_MORE), 'the copy').toEqual(before.subarray(PAGE_SIZE_AND_MORE));
      expect(tablesOf(copy), 'the rows of the copy').toEqual(namedRows(lab, asOf(store.tables, revision), copy));
      expect(schemaOf(lab.databasePath)).toEqual(schemaOf(fresh.databasePath));
      expect(shapes(tablesOf(lab.databasePath))).toEqual(shapes(upgraded(store.tables, revision)));
      for (const [uid, sum] of oracle) {
        expect(await lab.restoredSha256(uid)).toBe(sum);
        await lab.ok('scrub', uid);
      }
      expect(await lab.ok('-m', 'ls'), 'the upgrade is done once').not.toContain('Upgraded');
    },
  );

  test.skipIf(mount.skip)(`on a read-only mount is upgraded in a copy, and everything restores${mount.note}`, async () => {
    for (const revision of OLD_REVISIONS) {
      makeOld(store, revision, 'created');
      const { lab, oracle } = store;
      const before = readFileSync(lab.databasePath);
      const folder = lab.path('ro');
      await withTmpfs(folder, '8m', async () => {
        copyFileSync(lab.databasePath, join(folder, 'backy.sqlite'));
        await remount(folder, 'ro');
        lab.configure({ MetaBackend: { engine: `sqlite:///${join(folder, 'backy.sqlite')}` } });
        for (const [uid, sum] of oracle) expect(await lab.restoredSha256(uid), revision).toBe(sum);
        expect(readFileSync(join(folder, 'backy.sqlite')).equals(before)).toBe(true);
      });
      lab.configure({});
    }
  });

  test('shows the dates, expire dates and empty uids of old releases with their meaning', async () => {
    makeOld(store, '828da0fbbe8d', 'created');
    const { lab } = store;
    await upgrade(lab, '828da0fbbe8d');
    const rows = (await lab.ok('-ms', 'ls', '-f', 'name,expire,valid')).trimEnd().split('\n').sort();
    expect(rows).toEqual(['broken||0', 'vm "1", é|2031-02-03 00:00:00|1', 'vm||1']);
    const [uid = '', other = ''] = [...store.oracle.keys()];
    expect(await lab.ok('export', uid, '-')).toContain(',2031-02-03\r\n');
    expect(await lab.ok('export', other, '-')).toMatch(/\r\n,[0-9a-f-]{36},3,[^,]+,,4096,1,0,,\r\n/);
    await lab.ok('backup', '-f', other, '-r', lab.write('none.json', '[]'), `file://${lab.path('other')}`, 'next');
    expect(lab.blocks().filter(({ uid: blob }) => blob === '')).toEqual([]);
  });
});

/** Leftovers of the original after a failed upgrade of a SQLite file. */
const HALF_DONE: { what: string; revision: RevisionName; leave: string[] }[] = [
  {
    what: 'a column snapshot_name and an empty alembic_version',
    revision: undefined,
    leave: ["ALTER TABLE versions ADD COLUMN snapshot_name VARCHAR DEFAULT '' NOT NULL", ALEMBIC],
  },
  { what: 'a column expire', revision: '29c655b78818', leave: ['ALTER TABLE versions ADD COLUMN expire DATE'] },
  { what: 'stats under their former name', revision: 'cd3f15ae79f8', leave: ['ALTER TABLE stats RENAME TO stats_old'] },
  {
    what: 'columns for encryption without values',
    revision: '85966fcda5e6',
    leave: ['ALTER TABLE blocks ADD COLUMN enc_envkey VARCHAR(80)', 'ALTER TABLE blocks ADD COLUMN enc_version INTEGER'],
  },
  {
    what: 'stats under both names',
    revision: '9e0939e3bc6d',
    leave: [
      oldSchema('85966fcda5e6', 'created')[0] ?? '',
      'INSERT INTO stats SELECT date, NULL, version_uid, version_name, version_size_bytes, version_size_blocks, bytes_read, blocks_read, bytes_written, blocks_written, bytes_found_dedup, blocks_found_dedup, bytes_sparse, blocks_sparse, duration_seconds FROM stats_old ORDER BY rowid LIMIT 1',
    ],
  },
];

describe('a database that the original has left partly upgraded', () => {
  test.each(HALF_DONE)('$what on revision $revision: it is upgraded', async ({ revision, leave }) => {
    makeOld(store, revision, 'created');
    const { lab } = store;
    writeDatabase(lab.databasePath, leave, {});
    await upgrade(lab, revision ?? '(none)');
    expect(schemaOf(lab.databasePath)).toEqual(schemaOf(fresh.databasePath));
    expect(shapes(tablesOf(lab.databasePath))).toEqual(shapes(upgraded(store.tables, revision)));
    for (const [uid, sum] of store.oracle) expect(await lab.restoredSha256(uid)).toBe(sum);
  });
});

describe('a foreign database', () => {
  test.each([
    {
      what: 'a newer revision',
      change: "UPDATE alembic_version SET version_num = 'abcdef012345'",
      says: 'unknown revision abcdef012345',
    },
    {
      what: 'two revisions',
      change: "INSERT INTO alembic_version VALUES ('29c655b78818')",
      says: /several revisions: (cd3f15ae79f8|29c655b78818), /,
    },
    {
      what: 'a column that no revision has',
      change: 'ALTER TABLE blocks ADD COLUMN colour TEXT',
      says: 'no revision has a column colour in table blocks',
    },
    { what: 'a table less', change: 'DROP TABLE deleted_blocks', says: 'it has no table deleted_blocks' },
  ])('$what: exit 1, named, nothing is changed', async ({ change, says }) => {
    makeOld(store, 'cd3f15ae79f8', 'created');
    const { lab } = store;
    writeDatabase(lab.databasePath, [change], {});
    const before = readFileSync(lab.databasePath);
    const result = await lab.run(['ls']);
    expectFailure(result, 1, says);
    expect(result.stderr).toContain('Nothing was changed.');
    expect(readFileSync(lab.databasePath)).toEqual(before);
    expect(copiesOf(lab)).toEqual([]);
  });

  test('initdb does not change an old one', async () => {
    makeOld(store, 'bbe7904bfc3a', 'created');
    const before = readFileSync(store.lab.databasePath);
    expect(await store.lab.run(['initdb'])).toMatchObject({ code: 100 });
    expect(readFileSync(store.lab.databasePath)).toEqual(before);
  });
});

/** Of page 1, which has counters of changes. */
const PAGE_SIZE_AND_MORE = 100;

/** Runs the first command on an old database and checks its output. */
async function upgrade(lab: Lab, from: string): Promise<{ copy: string }> {
  const copy = `${lab.databasePath}.before-${NEWEST}`;
  const stdout = await lab.ok('ls');
  const reported = stdout.split('\n').filter((line) => line.includes('Upgraded'));
  expect(reported).toEqual([
    `    INFO: Upgraded the database ${lab.databasePath} from revision ${from} to ${NEWEST}. The old database is kept in ${copy}.`,
  ]);
  expect(lab.query('SELECT * FROM alembic_version')).toEqual([{ version_num: NEWEST }]);
  expect(lab.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  return { copy };
}

/** The definitions of the database's tables and indexes, in their order. */
function schemaOf(path: string): { sql: string }[] {
  const db = new Database(path, { readonly: true });
  try {
    const ours = "name LIKE 'backy2\\_%' ESCAPE '\\'";
    return db.prepare(`SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND NOT ${ours}`).all() as {
      sql: string;
    }[];
  } finally {
    db.close();
  }
}

/** Rows with the columns that their tables have in the database. */
function namedRows(lab: Lab, tables: Tables, path: string): Tables {
  expect(lab.databasePath).not.toBe(path);
  const db = new Database(path, { readonly: true });
  try {
    const names = Object.keys(tablesOf(path));
    return Object.fromEntries(
      names.map((name) => {
        const columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(name) as string[];
        if (name === 'alembic_version') return [name, db.prepare('SELECT * FROM alembic_version').all() as Row[]];
        return [
          name,
          (tables[name] ?? []).map((row) => Object.fromEntries(columns.map((column) => [column, row[column] ?? null]))),
        ];
      }),
    );
  } finally {
    db.close();
  }
}

/** The expected rows after an upgrade. */
function upgraded(tables: Tables, revision: RevisionName): Tables {
  const has = (other: RevisionName) => isSince(revision, other);
  const { versions = [], blocks = [], stats = [], tags = [], deleted_blocks = [] } = tables;
  return {
    stats: stats.map((row, i) => ({ ...row, id: has('85966fcda5e6') ? (row.id ?? null) : i + 1 })),
    versions: versions.map((row) => ({
      ...row,
      snapshot_name: has('bbe7904bfc3a') ? (row.snapshot_name ?? '') : '',
      expire: has('828da0fbbe8d') && row.expire ? `${row.expire} 00:00:00.000000` : null,
    })),
    deleted_blocks,
    tags: has('29c655b78818') ? tags : [],
    blocks: blocks.map((row) => ({ ...row, enc_version: 0, enc_envkey: null, enc_nonce: null })),
    alembic_version: [{ version_num: NEWEST }],
  };
}

/** Values with their types; the order of columns does not matter. */
function shapes(tables: Tables): Record<string, string[]> {
  const shape = (value: Cell) => `${value === null ? 'null' : typeof value} ${value}`;
  const line = (row: Row) =>
    Object.keys(row)
      .sort()
      .map((column) => `${column}: ${shape(row[column] ?? null)}`);
  return Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, rows.map((row) => line(row).join(', '))]));
}
