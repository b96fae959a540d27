import { isPostgresUrl } from './postgresql/engine-url.ts';
import { sqlitePath } from './sqlite/engine-url.ts';

/** As much of a version as completion shows. */
export interface VersionGlimpse {
  uid: string;
  name: string;
  snapshotName: string;
  /** `YYYY-MM-DD HH:MM:SS`, UTC. */
  date: string;
  valid: boolean;
  /** Sorted. */
  tags: string[];
}

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
