import { BackyError } from '../errors.ts';
import { guardStore, lazyStore } from './guard-store.ts';
import type { MetaStore } from './meta-store.ts';
import { isPostgresUrl } from './postgresql/engine-url.ts';
import type { PostgresStoreOptions } from './postgresql/postgres-store.ts';
import { toDatabaseError } from './sqlite/database-errors.ts';
import { sqlitePath } from './sqlite/engine-url.ts';
import { SqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts';

/** How a meta store is opened. */
export interface MetaStoreOptions extends Omit<SqliteStoreOptions, 'path'> {
  /** An engine URL (formats.md §3). */
  engine: string;
  /** Cuts waits for a server that was lost short. */
  signal?: AbortSignal;
  /** Locks between hosts that transactions rely on; see there. */
  fence?: PostgresStoreOptions['fence'];
}

/** The meta store behind an engine URL; touches nothing until its `open` or `initialize`. */
export function metaStoreFor({ engine, signal, fence, ...options }: MetaStoreOptions): MetaStore {
  if (engine.startsWith('sqlite:')) {
    const path = sqlitePath(engine);
    return guardStore(new SqliteStore({ path, ...options }), (error) => toDatabaseError(path, error));
  }
  if (isPostgresUrl(engine)) {
    const { logger, now } = options;
    return lazyStore(async () => (await import('./postgresql/load.ts')).postgresStore({ engine, logger, now, signal, fence }));
  }
  throw new BackyError('config', `[MetaBackend] engine: "${engine.split(':')[0]}" is no known kind of database.`, {
    hint: 'Known: sqlite:////absolute/path, sqlite:///relative/path and postgresql://user:password@host:port/database.',
  });
}
