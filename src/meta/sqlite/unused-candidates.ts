import type { CleanupStore } from '../cleanup-store.ts';
import { unusedUids } from '../compact/doomed.ts';
import { unusedCandidates } from '../sql/cleanup.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * See CleanupStore.withUnusedCandidates. The write lock keeps all others from naming a blob. It
 * needs no room on disk, since nothing is written. Of the compact layout, it takes only blobs that
 * a search has marked as unused, when there was room: any other could be named afterwards.
 */
export async function withUnusedCandidates(
  connection: SqliteConnection,
  ...[{ minAgeSeconds, limit, prefix }, body]: Parameters<CleanupStore['withUnusedCandidates']>
): Promise<void> {
  const statement =
    connection.layout === 'compact'
      ? unusedUids(connection, { minAgeSeconds, limit, prefix })
      : unusedCandidates(connection, { minAgeSeconds, prefix }, limit);
  await connection.writeInSteps(async () => {
    const found = connection.all<{ uid: string }>(statement);
    await body(found.map(({ uid }) => uid));
  });
}
