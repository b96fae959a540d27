import { BackyError } from '../errors.ts';
import { guardStore } from './guard-store.ts';
import type { MetaStore } from './meta-store.ts';
import { toDatabaseError } from './sqlite/database-errors.ts';
import { sqlitePath } from './sqlite/engine-url.ts';
import { SqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts';

/** How a meta store is opened. */
export interface MetaStoreOptions extends Omit<SqliteStoreOptions, 'path'> {
  /** An engine URL (formats.md §3). */
  engine: string;
}

/** The meta store behind an engine URL; touches nothing until its `open` or `initialize`. */
export function metaStoreFor({ engine, ...options }: MetaStoreOptions): MetaStore {
  if (engine.startsWith('sqlite:')) {
    const path = sqlitePath(engine);
    return guardStore(new SqliteStore({ path, ...options }), (error) => toDatabaseError(path, error));
  }
  throw new BackyError('config', `[MetaBackend] engine: "${engine.split(':')[0]}" is no known kind of database.`, {
    hint: 'Known: sqlite:////absolute/path and sqlite:///relative/path.',
  });
}
