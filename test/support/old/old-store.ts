import { readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { noise } from '../images/random.ts';
import { sha256 } from '../images/sha256.ts';
import { Lab } from '../labs/lab.ts';
import { type Layout, oldSchema, type RevisionName, type Row, statsName, type Tables, writeDatabase } from './old-database.ts';

const BLOCK = 4096;

/** A store with real blobs, and rows of all kinds that old releases left. */
export interface OldStore {
  lab: Lab;
  /** Each row has the columns of all revisions; an old database has only some of them. */
  tables: Tables;
  /** Version uid -> sha256 of its content. */
  oracle: Map<string, string>;
}

/** Makes the store, with a database of the newest revision. */
export async function createOldStore(): Promise<OldStore> {
  const lab = await Lab.create({ blockSize: BLOCK });
  const image = Buffer.concat([noise(3 * BLOCK, 'a'), Buffer.alloc(2 * BLOCK), noise(2 * BLOCK + 77, 'b')]);
  const other = Buffer.concat([image.subarray(0, 4 * BLOCK), noise(BLOCK, 'c')]);
  const uid = await lab.backup('-t', 'b_daily,x', `file://${lab.write('image', image)}`, 'vm "1", é');
  const otherUid = await lab.backup('-s', 'snap', `file://${lab.write('other', other)}`, 'vm');
  const gone = await lab.backup(`file://${lab.write('gone', noise(BLOCK, 'gone'))}`, 'gone');
  await lab.ok('rm', '-f', gone);
  return {
    lab,
    tables: withOddForms(tablesOf(lab.databasePath), uid, otherUid),
    oracle: new Map([
      [uid, sha256(image)],
      [otherUid, sha256(other)],
    ]),
  };
}

/** Replaces the store's database by one of an old revision with the same rows. */
export function makeOld({ lab, tables }: OldStore, revision: RevisionName, layout: Layout): void {
  const files = ['', '-wal', '-shm', '-journal'].map((suffix) => `${lab.databasePath}${suffix}`);
  for (const file of [...files, ...copiesOf(lab).map((name) => lab.path(name))]) rmSync(file, { force: true });
  writeDatabase(lab.databasePath, oldSchema(revision, layout), asOf(tables, revision));
}

/** Names of the copies that upgrades have left beside the database, unfinished ones included. */
export function copiesOf(lab: Lab): string[] {
  return readdirSync(dirname(lab.databasePath)).filter((name) => name.includes('.before-'));
}

/** The rows as a database of that revision has them, with its table names. */
export function asOf({ stats = [], ...tables }: Tables, revision: RevisionName): Tables {
  return { ...tables, [statsName(revision)]: stats };
}

/** All rows of the original's tables, in the order in which they were written. */
export function tablesOf(path: string): Tables {
  const db = new Database(path, { readonly: true });
  try {
    const names = db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'backy2\\_%' ESCAPE '\\'")
      .pluck()
      .all() as string[];
    return Object.fromEntries(names.map((name) => [name, db.prepare(`SELECT * FROM ${name} ORDER BY rowid`).all() as Row[]]));
  } finally {
    db.close();
  }
}

/**
 * Adds forms that old releases and old imports wrote: dates without a fraction, '' for NULL, an
 * expire date without a time, invalid rows.
 */
function withOddForms(tables: Tables, uid: string, otherUid: string): Tables {
  const { versions = [], blocks = [], stats = [], deleted_blocks = [] } = tables;
  const seconds = (date: unknown) => String(date).slice(0, 19);
  return {
    versions: [
      ...versions.map((row) => ({
        ...row,
        date: row.uid === uid ? seconds(row.date) : (row.date ?? null),
        snapshot_name: row.snapshot_name ?? '',
        expire: row.uid === uid ? '2031-02-03' : null,
        protected: row.uid === otherUid ? 1 : 0,
      })),
      {
        uid: '00000000-e6f9-11f1-b33e-02fc00000001',
        date: '2020-01-02 03:04:05.000006',
        name: 'broken',
        snapshot_name: '',
        size: 1,
        size_bytes: 10,
        valid: 0,
        protected: 0,
        expire: '',
      },
    ],
    blocks: [
      ...blocks.map((row) => ({
        ...row,
        date: row.version_uid === uid ? seconds(row.date) : (row.date ?? null),
        uid: row.uid === null && row.version_uid === otherUid ? '' : (row.uid ?? null),
        checksum: row.uid === null && row.version_uid === otherUid ? '' : (row.checksum ?? null),
      })),
      {
        version_uid: '00000000-e6f9-11f1-b33e-02fc00000001',
        id: 0,
        uid: 'ffffffffff2222222222222222222222',
        date: '2020-01-02 03:04:05.000006',
        checksum: 'ab'.repeat(64),
        size: 10,
        valid: 0,
        enc_version: 0,
      },
    ],
    stats,
    deleted_blocks: [...deleted_blocks, { id: 7_000_000_000, uid: null, size: null, delete_candidate: 1, time: 1_600_000_000 }],
    tags: [...(tables.tags ?? []), { version_uid: otherUid, name: 'with,comma' }],
  };
}
