import type { Sections } from '../labs/config-text.ts';

export type SqlValue = string | number;

/**
 * Where a lab's program keeps what it stores, and how tests look into that and damage it without the program. One implementation for SQLite and
 * files, one for PostgreSQL and S3. Calls return when it is done; none needs an `await`, so that tests read alike on both.
 */
export interface LabStore {
  /** Sections MetaBackend and DataBackend of backy.cfg. */
  readonly config: Sections;
  /** Ports of the servers that it is on, with what each is. */
  readonly servers: ReadonlyMap<number, 'postgresql' | 's3'>;
  /** Whether the program can tell at once that a blob is missing or cut, so that dedup does not take it. */
  readonly showsDamage: boolean;
  /** Makes the database as initdb leaves it. `initdb` runs that, and need not be called when it ran in this process before. */
  initialize(initdb: () => Promise<unknown>): Promise<void>;
  /** Takes over everything that a store of the same kind has; nothing may run on that one meanwhile. */
  copyFrom(other: LabStore, blobs: 'linked' | 'copied'): Promise<void>;
  /** Runs a query; `?` stands for a value. Times are text with six digits of a second's fraction, counts are numbers. */
  query<T>(sql: string, values: readonly SqlValue[]): T[];
  /** Runs a statement that changes something. */
  execute(sql: string, values: readonly SqlValue[]): void;
  /** Runs `INSERT INTO … VALUES (…)` for each row of values, in one transaction. */
  executeMany(sql: string, rows: readonly (readonly (SqlValue | null)[])[]): void;
  /** Lets another program write: until the returned function is called, whoever writes to the database has to wait. */
  holdDatabase(): () => void;
  /** All rows of a table, in an order that does not change. */
  rows(table: string): unknown[];
  /** Uids of all blobs, sorted. */
  blobs(): string[];
  /** Uids of all blobs with their bytes; nothing may delete any meanwhile. */
  blobSizes(): Map<string, number>;
  /** Blobs as they are stored; those that are missing are left out. */
  readBlobs(uids: readonly string[]): Map<string, Buffer>;
  writeBlob(uid: string, bytes: Uint8Array): void;
  removeBlob(uid: string): void;
  /** Blobs that were begun and never finished. */
  temporaryBlobs(): string[];
  /** What stands beside the blobs and is none; a full cleanup leaves nothing of that. */
  leftovers(): string[];
  /** All of it as SQLite and files, for programs that read those alone: itself, or a copy in a new folder. */
  asFiles(folder: string): { databasePath: string; dataPath: string };
  /** Removes it all. */
  remove(): void;
}
