import type { VersionGlimpse } from '../model/version.ts';
import { isPostgresUrl } from './postgresql/engine-url.ts';
import { sqlitePath } from './sqlite/engine-url.ts';

/**
 * The versions of a database, newest first, for completion of a command line. Does not wait,
 * create, upgrade, change or lock anything. Throws on any problem.
 */
export async function peekVersions(engine: string): Promise<VersionGlimpse[]> {
  if (isPostgresUrl(engine)) {
    const { peekPostgres } = await import('./postgresql/peek.ts');
    return peekPostgres(engine);
  }
  const { peekSqlite } = await import('./sqlite/peek.ts');
  return peekSqlite(sqlitePath(engine));
}
