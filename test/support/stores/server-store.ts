import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { inject } from 'vitest';
import type { Layout } from '../../../src/model/layout.ts';
import { postgresUrl } from '../../services/postgres.ts';
import type { Sections } from '../labs/config-text.ts';
import { isCompact } from './compact-blocks.ts';
import { FileStore } from './file-store.ts';
import type { LabStore, SqlValue } from './lab-store.ts';
import { ServerCalls } from './server-calls.ts';

/** Sort keys of the tables; SQLite has a rowid. */
export const KEYS: Record<string, string> = {
  versions: 'date, uid',
  blocks: 'version_uid, id',
  tags: 'version_uid, name',
  deleted_blocks: 'id',
  stats: 'id',
};

/** One thread for all labs of a process. */
let calls: ServerCalls | undefined;
/** A database of each layout as initdb made it, from which others are copied. */
const freshDatabases = new Map<Layout, string>();
let count = 0;

/**
 * PostgreSQL and S3, on the servers of the run (test/services/global-setup.ts): a database and a
 * bucket of its own.
 */
export class ServerStore implements LabStore {
  readonly database: string;
  readonly bucket: string;
  readonly config: Sections;
  readonly servers: LabStore['servers'];
  /** It would take a request for each block. */
  readonly showsDamage = false;
  readonly #calls: ServerCalls;

  constructor() {
    const [postgres, { s3 }] = [inject('postgres'), inject('ceph')];
    calls ??= new ServerCalls({ postgres, ceph: { s3 } });
    this.#calls = calls;
    const name = newName();
    this.database = `lab_${name}`;
    this.bucket = `lab-${name}`;
    this.servers = new Map([
      [postgres.port, 'postgresql'],
      [Number(new URL(s3.endpoint).port), 's3'],
    ]);
    this.config = {
      MetaBackend: { type: 'sql', engine: postgresUrl(postgres, this.database) },
      DataBackend: {
        ...{ type: 's3', endpoint_url: s3.endpoint, region_name: s3.region, bucket_name: this.bucket },
        ...{ aws_access_key_id: s3.accessKey, aws_secret_access_key: s3.secretKey, addressing_style: 'path' },
        ...{ simultaneous_writes: 4, simultaneous_reads: 4 },
      },
    };
    this.#calls.call('createBucket', this.bucket);
  }

  async initialize(initdb: () => Promise<unknown>, layout: Layout): Promise<void> {
    const freshDatabase = freshDatabases.get(layout);
    this.#calls.call('createDatabase', this.database, freshDatabase);
    if (freshDatabase !== undefined) return;
    await initdb();
    const fresh = `fresh_${newName()}`;
    this.#calls.call('createDatabase', fresh, this.database);
    freshDatabases.set(layout, fresh);
  }

  async copyFrom(other: LabStore): Promise<void> {
    if (!(other instanceof ServerStore)) throw new Error('a store of another kind');
    this.#calls.call('createDatabase', this.database, other.database);
    this.#calls.call('copyBlobs', other.bucket, this.bucket);
  }

  query<T>(sql: string, values: readonly SqlValue[]): T[] {
    return this.#calls.call('query', this.database, sql, values) as T[];
  }

  execute(sql: string, values: readonly SqlValue[]): void {
    this.#calls.call('query', this.database, sql, values);
  }

  executeMany(sql: string, rows: readonly (readonly (SqlValue | null)[])[]): void {
    this.#calls.call('executeMany', this.database, sql, rows);
  }

  /** Readers are let in, as with SQLite. */
  holdDatabase(): () => void {
    this.execute('BEGIN', []);
    const kept = isCompact(this) ? Object.keys(KEYS).filter((table) => table !== 'blocks') : Object.keys(KEYS);
    for (const table of kept) this.execute(`LOCK TABLE ${table} IN EXCLUSIVE MODE`, []);
    return () => this.execute('ROLLBACK', []);
  }

  rows(table: string): unknown[] {
    return this.query(`SELECT * FROM ${table} ORDER BY ${KEYS[table] ?? '1'}`, []);
  }

  blobs(): string[] {
    return [...this.blobSizes().keys()].sort();
  }

  blobSizes(): Map<string, number> {
    return this.#calls.call('blobSizes', this.bucket);
  }

  readBlobs(uids: readonly string[]): Map<string, Buffer> {
    const found = this.#calls.call('readBlobs', this.bucket, uids);
    return new Map([...found].map(([uid, bytes]) => [uid, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)]));
  }

  writeBlob(uid: string, bytes: Uint8Array): void {
    this.#calls.call('writeBlob', this.bucket, uid, bytes);
  }

  removeBlob(uid: string): void {
    this.#calls.call('removeBlob', this.bucket, uid);
  }

  /** An object exists whole or not at all. */
  temporaryBlobs(): string[] {
    return [];
  }

  /** The rows of blocks, in the columns' order, and the blobs. */
  asFiles(folder: string): FileStore {
    mkdirSync(folder);
    const copy = new FileStore({ databasePath: join(folder, 'backy.sqlite'), dataPath: join(folder, 'data') });
    const rows = this.query<Record<string, SqlValue | null>>('SELECT * FROM blocks', []);
    const columns = Object.entries(rows[0] ?? {}).map(
      ([name, value]) => `${name} ${typeof value === 'number' ? 'INTEGER' : 'TEXT'}`,
    );
    new Database(copy.databasePath).exec(`CREATE TABLE blocks (${columns.join(', ')})`).close();
    const places = columns.map(() => '?').join(', ');
    copy.executeMany(
      `INSERT INTO blocks VALUES (${places})`,
      rows.map((row) => Object.values(row)),
    );
    for (const [uid, bytes] of this.readBlobs(this.blobs())) copy.writeBlob(uid, bytes);
    return copy;
  }

  leftovers(): string[] {
    return [];
  }

  remove(): void {
    this.#calls.call('remove', this.database, this.bucket);
  }
}

function newName(): string {
  return `${process.pid}-${Date.now().toString(36)}-${count++}`;
}
