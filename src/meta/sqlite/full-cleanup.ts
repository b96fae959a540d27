import type { OnSearched } from '../cleanup-store.ts';
import * as compact from '../compact/unnamed.ts';
import type { SqliteConnection } from './connection.ts';
import { verifyUidIndex } from './verify-uid-index.ts';

/** See CleanupStore.prepareFullCleanup. */
export async function prepareFullCleanup(connection: SqliteConnection, onSearched: OnSearched): Promise<void> {
  await verifyUidIndex(connection, onSearched);
  if (connection.layout === 'compact') await compact.prepareFullCleanup(connection, onSearched);
}
