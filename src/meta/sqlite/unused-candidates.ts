import type { CleanupStore, UnusedRequest } from '../cleanup-store.ts';
import { unusedUids } from '../compact/doomed.ts';
import { searchUnusedUids } from '../compact/search-unused.ts';
import { unusedCandidates } from '../sql/cleanup.ts';
import type { Sql } from '../sql/statement.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * See CleanupStore.withUnusedCandidates. The write lock keeps all others from naming a blob. It
 * needs no room on disk, since nothing is written.
 */
export async function withUnusedCandidates(
  connection: SqliteConnection,
  ...[request, body]: Parameters<CleanupStore['withUnusedCandidates']>
): Promise<void> {
  await connection.writeInSteps(async () => body(await unused(connection, request)));
}

/**
 * In the compact layout, the row of a blob outlives its versions. If others run, only blobs are
 * taken that a search has marked as unused, when there was room: any other could be named
 * afterwards.
 */
async function unused(connection: SqliteConnection, { isAlone, ...request }: UnusedRequest): Promise<string[]> {
  const uids = (statement: Sql) => connection.all<{ uid: string }>(statement).map(({ uid }) => uid);
  if (connection.layout === 'classic') return uids(unusedCandidates(connection, request, request.limit));
  return isAlone ? searchUnusedUids(connection, request) : uids(unusedUids(connection, request));
}
