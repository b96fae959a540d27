import type { Layout } from '../../../src/model/layout.ts';
import type { Sections } from '../labs/config-text.ts';

export type SqlValue = string | number;

/**
 * The store of a lab's program. Tests look into it, and damage it, without the program. One
 * implementation for SQLite and files, one for PostgreSQL and S3. All calls are synchronous, so
 * that tests read alike on both.
 */
export interface LabStore {
  /** Sections MetaBackend and DataBackend of backy.cfg. */
  readonly config: Sections;
  /** The servers it uses, by port. */
  readonly servers: ReadonlyMap<number, 'postgresql' | 's3'>;
  /**
   * Whether the program can see at once that a blob is missing or cut, so that dedup does not reuse
   * it.
   */
  readonly showsDamage: boolean;
  /**
   * Makes the database as initdb leaves it. Calls `initdb` only if it has not run in this process
   * before for this layout.
   */
  initialize(initdb: () => Promise<unknown>, layout: Layout): Promise<void>;
  /** Copies everything from a store of the same kind; nothing may run on that one meanwhile. */
  copyFrom(other: LabStore, blobs: 'linked' | 'copied'): Promise<void>;
  /**
   * Runs a query; `?` stands for a value. Times are text with six digits of a second's fraction,
   * counts are numbers.
   */
  query<T>(sql: string, values: readonly SqlValue[]): T[];
  /** Runs a statement that changes something. */
  execute(sql: string, values: readonly SqlValue[]): void;
  /** Runs `INSERT INTO … VALUES (…)` for each row of values, in one transaction. */
  executeMany(sql: string, rows: readonly (readonly (SqlValue | null)[])[]): void;
  /**
   * Acts as another program that writes: all other writers wait until the returned function is
   * called.
   */
  holdDatabase(): () => void;
  /** All rows of a table, in a fixed order. */
  rows(table: string): unknown[];
  /** Uids of all blobs, sorted. */
  blobs(): string[];
  /** Uids of all blobs with their bytes; nothing may delete any meanwhile. */
  blobSizes(): Map<string, number>;
  /** Stored bytes of blobs; missing blobs are left out. */
  readBlobs(uids: readonly string[]): Map<string, Buffer>;
  writeBlob(uid: string, bytes: Uint8Array): void;
  removeBlob(uid: string): void;
  /** Blobs that were begun and never finished. */
  temporaryBlobs(): string[];
  /** Other files or objects beside the blobs; a full cleanup removes them all. */
  leftovers(): string[];
  /**
   * The same data as SQLite and files, for programs that read only those: itself, or a copy in a
   * new folder.
   */
  asFiles(folder: string): { databasePath: string; dataPath: string };
  remove(): void;
}
