import { dirname } from 'node:path';
import type Database from 'better-sqlite3';
import { isBusy } from './database-errors.ts';
import { mayHaveWal } from './wal-place.ts';

/** How long a single statement outside of our transactions waits for another program's commit. */
export const STATEMENT_TIMEOUT_MS = 60_000;
/** How long an attempt to get the write lock may block the event loop. */
const LOCK_ATTEMPT_MS = 5;
/**
 * The default of 1000 pages makes bulk loads 2.6 times slower (measured). The WAL grows to about
 * 256 MiB.
 */
const CHECKPOINT_PAGES = 65_536;
/**
 * In bulk work the same index pages change in every transaction: each avoided checkpoint saves
 * hundreds of MiB of writes. But the kernel clears each page of a WAL that grows: with 2 GiB,
 * take-over was a sixth slower than with these 896 MiB.
 */
const BULK_CHECKPOINT_PAGES = 229_376;
const SORTING_CACHE_MB = 64;

/**
 * Settings of a new connection. They read the schema, so that a busy or foreign file shows here.
 */
export function configure(db: Database.Database, cacheMb: number): void {
  setCache(db, cacheMb);
  // Rows are written in sets and in an order that keeps references intact; each check would cost
  // a lookup.
  db.pragma('foreign_keys = OFF');
  // As FULL, and without a WAL the removal of the journal is durable too: otherwise a power loss
  // could roll back a confirmed commit.
  db.pragma('synchronous = EXTRA');
  db.pragma('temp_store = FILE');
}

/** Makes one short attempt. Undefined while another program has the database. */
export function unlessBusy<T>(db: Database.Database, attempt: () => T): { result: T } | undefined {
  db.pragma(`busy_timeout = ${LOCK_ATTEMPT_MS}`);
  try {
    return { result: attempt() };
  } catch (error) {
    if (isBusy(error)) return undefined;
    throw error;
  } finally {
    db.pragma(`busy_timeout = ${STATEMENT_TIMEOUT_MS}`);
  }
}

/**
 * WAL lets others read during writes. It is a property of the file: only a writer sets it, and only
 * where {@link mayHaveWal} allows it.
 * @returns false while another program, or a full disk, delays the change: try again later.
 */
export function preferWal(db: Database.Database, path: string): boolean {
  const place = mayHaveWal(dirname(path) || '.');
  if (place !== 'yes') return place === 'never';
  return (
    unlessBusy(db, () => {
      db.pragma('journal_mode = WAL');
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    }) !== undefined
  );
}

/**
 * Ends the WAL if no other program has the database open. Without one, a file can be read where no
 * `-shm` can be created: on a full disk or a read-only mount. Only the first sector of the file
 * changes, which needs no journal on disk. MUST be the last use of the connection: later
 * transactions would have no journal either. Ignores failures: nothing depends on it.
 */
export function endWal(db: Database.Database): void {
  try {
    db.pragma('busy_timeout = 0');
    if (db.pragma('journal_mode', { simple: true }) === 'wal') db.pragma('journal_mode = MEMORY');
  } catch {
    // Another program uses it, or the disk fails. Closing leaves what a killed program leaves.
  }
}

/**
 * Runs `body` with settings for many large transactions whose rows nothing relies on yet. Their
 * commits do not wait for the disk, and checkpoints are rare. The next commit outside makes them
 * durable.
 */
export async function inBulk<T>(db: Database.Database, body: () => Promise<T>): Promise<T> {
  // Without a WAL, each commit must reach the disk to keep the file intact.
  if (db.pragma('journal_mode', { simple: true }) !== 'wal') return body();
  db.pragma('synchronous = NORMAL');
  db.pragma(`wal_autocheckpoint = ${BULK_CHECKPOINT_PAGES}`);
  try {
    return await body();
  } finally {
    db.pragma('synchronous = EXTRA');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  }
}

/**
 * Runs a statement that sorts many rows with a smaller page cache: the sort can use as much memory
 * beside it.
 */
export function withSmallCache<T>(db: Database.Database, cacheMb: number, statement: () => T): T {
  setCache(db, Math.min(SORTING_CACHE_MB, cacheMb));
  try {
    return statement();
  } finally {
    setCache(db, cacheMb);
  }
}

/** A negative size is in KiB. */
function setCache(db: Database.Database, cacheMb: number): void {
  db.pragma(`cache_size = ${-cacheMb * 1024}`);
}
