import { guardStore } from '../guard-store.ts';
import type { MetaStore } from '../meta-store.ts';
import { toDatabaseError } from './database-errors.ts';
import { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';

/** The store, with all its failures made clear lines. In a file of its own, so that only who needs it loads the driver. */
export function postgresStore(options: PostgresStoreOptions): MetaStore {
  const store = new PostgresStore(options);
  return guardStore(store, (error) => toDatabaseError(store.label, error));
}
