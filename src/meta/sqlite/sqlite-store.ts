import type { MetaStore, OpenOptions } from '../meta-store.ts';
import * as backups from '../sql/backups.ts';
import { bind } from '../sql/bind.ts';
import * as blocks from '../sql/blocks.ts';
import * as cleanup from '../sql/cleanup.ts';
import * as healing from '../sql/healing.ts';
import * as identity from '../sql/identity.ts';
import * as reports from '../sql/reports.ts';
import * as sealed from '../sql/sealed.ts';
import * as transfer from '../sql/transfer.ts';
import * as verified from '../sql/verified.ts';
import * as versions from '../sql/versions.ts';
import { commitGroup, findBlobs } from './backup.ts';
import { SqliteConnection, type SqliteOptions } from './connection.ts';
import { diskUsage } from './disk-usage.ts';
import { heal } from './heal.ts';
import { close, copyTo, initialize, open } from './lifecycle.ts';
import { removeVersion } from './remove-version.ts';
import { rewrapKeys } from './rewrap-keys.ts';
import { takeOver } from './take-over.ts';
import { importVersion } from './transfer.ts';
import { verifyUidIndex } from './verify-uid-index.ts';

/** How a SQLite store is made. */
export interface SqliteStoreOptions extends SqliteOptions {
  /** Create the database on first use (the embedded default). */
  createIfMissing: boolean;
}

/**
 * The metadata in one SQLite file, the same file that the original uses. Methods run on the calling
 * thread. Touches nothing until `open` or `initialize`.
 */
export function sqliteStore(options: SqliteStoreOptions): MetaStore {
  const connection = new SqliteConnection(options);
  return {
    ...bind(connection, versions),
    ...bind(connection, blocks),
    ...bind(connection, backups),
    ...bind(connection, cleanup),
    ...bind(connection, sealed),
    ...bind(connection, healing),
    ...bind(connection, identity),
    ...bind(connection, verified),
    ...bind(connection, transfer),
    ...bind(connection, reports),
    ...bind(connection, { findBlobs, commitGroup, takeOver, heal, removeVersion }),
    ...bind(connection, { importVersion, rewrapKeys, diskUsage, verifyUidIndex, initialize, copyTo, close }),
    ...bind(connection, { open: (db: SqliteConnection, how?: OpenOptions) => open(db, { ...options, ...how }) }),
  };
}
