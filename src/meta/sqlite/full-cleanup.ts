import type { OnSearched } from '../cleanup-store.ts';
import * as compact from '../compact/unnamed.ts';
import { UID_INDEX } from './checked-indexes.ts';
import type { SqliteConnection } from './connection.ts';
import { compareIndexes } from './verify-indexes.ts';

/** See CleanupStore.prepareFullCleanup. */
export async function prepareFullCleanup(connection: SqliteConnection, onSearched: OnSearched): Promise<void> {
  await compareIndexes(connection, UID_INDEX[connection.layout], onSearched);
  if (connection.layout === 'compact') await compact.prepareFullCleanup(connection, onSearched);
}
