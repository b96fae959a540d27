import type { Layout } from '../../model/layout.ts';
import { byLayout } from '../by-layout.ts';
import { compactQueries } from '../compact/compact-queries.ts';
import type { MetaStore, OpenOptions } from '../meta-store.ts';
import { bind } from '../sql/bind.ts';
import { sharedQueries } from '../sql/shared-queries.ts';
import { commitGroup, findBlobs } from './backup.ts';
import { SqliteConnection, type SqliteOptions } from './connection.ts';
import { type ConnectedStore, convertTo, databaseSize } from './conversion.ts';
import { diskUsage } from './disk-usage.ts';
import { fill, fillCompact } from './fill.ts';
import { prepareFullCleanup } from './full-cleanup.ts';
import { heal } from './heal.ts';
import { close, copyTo, initialize, layout, open, readOnlyReason } from './lifecycle.ts';
import { removeVersion } from './remove-version.ts';
import { rewrapKeys } from './rewrap-keys.ts';
import { takeOver } from './take-over.ts';
import { importVersion } from './transfer.ts';
import { withUnusedCandidates } from './unused-candidates.ts';
import { verifyIndexes } from './verify-indexes.ts';

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
  return connectedStore(options).store;
}

function connectedStore(options: SqliteStoreOptions): ConnectedStore {
  const connection = new SqliteConnection(options);
  const own = bind(connection, { withUnusedCandidates, prepareFullCleanup, verifyIndexes });
  const classic = {
    ...sharedQueries(connection),
    ...bind(connection, { findBlobs, commitGroup, takeOver, heal, removeVersion }),
    ...bind(connection, { importVersion, fill, rewrapKeys, diskUsage }),
    ...own,
  };
  const compact = { ...compactQueries(connection), ...bind(connection, { fill: fillCompact }), ...own };
  const store: MetaStore = {
    ...byLayout({ classic, compact }, () => connection.layout),
    ...bind(connection, { initialize, copyTo, close, layout, readOnlyReason }),
    ...bind(connection, {
      open: (db: SqliteConnection, how?: OpenOptions) => open(db, { ...options, ...how }),
      databaseSize,
      convertTo: (db: SqliteConnection, to: Layout) =>
        convertTo(db, to, (path) => connectedStore({ ...options, path, createIfMissing: true })),
    }),
  };
  return { store, connection };
}
