import { BackyError } from '../errors.ts';
import type { MetaStore } from './meta-store.ts';
import { isPostgresUrl } from './postgresql/engine-url.ts';
import type { PostgresStoreOptions } from './postgresql/postgres-store.ts';
import { sqlitePath } from './sqlite/engine-url.ts';
import { type SqliteStoreOptions, sqliteStore } from './sqlite/sqlite-store.ts';

/** How a meta store is made. */
interface MetaStoreOptions extends Omit<SqliteStoreOptions, 'path'> {
  /** An engine URL (docs/spec/formats.md §3). */
  engine: string;
  /** Ends waits for a lost server early. */
  signal?: AbortSignal;
  /** See PostgresStoreOptions.fence. */
  fence?: PostgresStoreOptions['fence'];
}

/**
 * The meta store behind an engine URL. Touches nothing until its `open` or `initialize`. Loads the
 * PostgreSQL driver only when it is needed.
 */
export async function metaStoreFor({ engine, signal, fence, ...options }: MetaStoreOptions): Promise<MetaStore> {
  if (engine.startsWith('sqlite:')) return sqliteStore({ path: sqlitePath(engine), ...options });
  if (isPostgresUrl(engine)) {
    const { postgresStore } = await import('./postgresql/postgres-store.ts');
    const { logger, now } = options;
    return postgresStore({ engine, logger, now, signal, fence });
  }
  throw new BackyError('config', `[MetaBackend] engine: "${engine.split(':')[0]}" is no known kind of database.`, {
    hint: 'Known: sqlite:////absolute/path, sqlite:///relative/path and postgresql://user:password@host:port/database.',
  });
}
