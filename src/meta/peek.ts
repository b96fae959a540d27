import type { VersionGlimpse } from '../model/version.ts';
import { isPostgresUrl } from './postgresql/engine-url.ts';
import { sqlitePath } from './sqlite/engine-url.ts';

/**
 * The versions of the database behind an engine URL, newest first, for someone who is typing: waits for nobody, creates, upgrades
 * and changes nothing, and takes no lock. Throws whatever is in the way of that.
 */
export async function peekVersions(engine: string): Promise<VersionGlimpse[]> {
  if (isPostgresUrl(engine)) {
    const { peekPostgres } = await import('./postgresql/peek.ts');
    return peekPostgres(engine);
  }
  const { peekSqlite } = await import('./sqlite/peek.ts');
  return peekSqlite(sqlitePath(engine));
}
