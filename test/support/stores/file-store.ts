import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { Layout } from '../../../src/model/layout.ts';
import { copyTree } from '../images/trees.ts';
import type { Sections } from '../labs/config-text.ts';
import type { LabStore, SqlValue } from './lab-store.ts';

/** Others may have the database locked for a while. */
const BUSY_MS = 20_000;
/** The database of each layout as initdb made it. */
const freshDatabases = new Map<Layout, Buffer>();

/** SQLite and files. The lab removes them with its folder. */
export class FileStore implements LabStore {
  readonly databasePath: string;
  readonly dataPath: string;
  readonly config: Sections;
  readonly servers: LabStore['servers'] = new Map();
  readonly showsDamage = true;

  constructor({ databasePath, dataPath }: { databasePath: string; dataPath: string }) {
    this.databasePath = databasePath;
    this.dataPath = dataPath;
    this.config = {
      MetaBackend: { type: 'sql', engine: `sqlite:///${databasePath}` },
      DataBackend: { type: 'file', path: dataPath, simultaneous_writes: 4, simultaneous_reads: 4 },
    };
    mkdirSync(dataPath, { recursive: true });
  }

  async initialize(initdb: () => Promise<unknown>, layout: Layout): Promise<void> {
    const freshDatabase = freshDatabases.get(layout);
    if (freshDatabase === undefined) {
      await initdb();
      freshDatabases.set(layout, readFileSync(this.databasePath));
    } else writeFileSync(this.databasePath, freshDatabase);
  }

  /** The database is one of the files in the lab's folder, which the lab copies. */
  async copyFrom(other: LabStore, blobs: 'linked' | 'copied'): Promise<void> {
    if (other instanceof FileStore) copyTree(other.dataPath, this.dataPath, blobs);
  }

  query<T>(sql: string, values: readonly SqlValue[]): T[] {
    // A reader can't roll back what a power loss has left of a transaction.
    const readonly = !existsSync(`${this.databasePath}-journal`);
    return this.#with({ readonly }, (db) => db.prepare(sql).all(...values) as T[]);
  }

  execute(sql: string, values: readonly SqlValue[]): void {
    this.#with({}, (db) => db.prepare(sql).run(...values));
  }

  executeMany(sql: string, rows: readonly (readonly (SqlValue | null)[])[]): void {
    this.#with({}, (db) => {
      const statement = db.prepare(sql);
      db.transaction(() => {
        for (const row of rows) statement.run(...row);
      })();
    });
  }

  holdDatabase(): () => void {
    const writer = new Database(this.databasePath);
    writer.exec('BEGIN IMMEDIATE');
    return () => {
      writer.exec('ROLLBACK');
      writer.close();
    };
  }

  rows(table: string): unknown[] {
    return this.query(`SELECT * FROM ${table} ORDER BY rowid`, []);
  }

  blobs(): string[] {
    const names = this.#blobFiles().map((file) => basename(file, '.blob'));
    return names.sort();
  }

  blobSizes(): Map<string, number> {
    return new Map(this.#blobFiles().map((file) => [basename(file, '.blob'), statSync(join(this.dataPath, file)).size]));
  }

  readBlobs(uids: readonly string[]): Map<string, Buffer> {
    const there = uids.filter((uid) => existsSync(this.blobPath(uid)));
    return new Map(there.map((uid) => [uid, readFileSync(this.blobPath(uid))]));
  }

  writeBlob(uid: string, bytes: Uint8Array): void {
    mkdirSync(dirname(this.blobPath(uid)), { recursive: true });
    writeFileSync(this.blobPath(uid), bytes);
  }

  removeBlob(uid: string): void {
    rmSync(this.blobPath(uid));
  }

  blobPath(uid: string): string {
    return join(this.dataPath, uid.slice(0, 2), uid.slice(2, 4), `${uid}.blob`);
  }

  /** Files under the temporary folder of the file backend. */
  temporaryBlobs(): string[] {
    return filesBelow(this.dataPath).filter((file) => file.startsWith('.tmp/'));
  }

  asFiles(): FileStore {
    return this;
  }

  leftovers(): string[] {
    return existsSync(join(this.dataPath, '.tmp')) ? ['.tmp'] : [];
  }

  remove(): void {}

  #blobFiles(): string[] {
    return filesBelow(this.dataPath).filter((file) => file.endsWith('.blob'));
  }

  #with<T>(options: Database.Options, use: (db: Database.Database) => T): T {
    const db = new Database(this.databasePath, { ...options, fileMustExist: true, timeout: BUSY_MS });
    try {
      return use(db);
    } finally {
      db.close();
    }
  }
}

/**
 * Paths of all files and folders below a folder, relative to it. The program may remove folders
 * meanwhile, on which readdir's own recursion fails.
 */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    const path = join(folder, entry.name);
    try {
      return [entry.name, ...filesBelow(path).map((name) => join(entry.name, name))];
    } catch (error) {
      if (existsSync(path)) throw error;
      return [];
    }
  });
}
