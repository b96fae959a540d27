import type { CleanupStore } from '../cleanup-store.ts';
import { unusedCandidates } from '../sql/cleanup.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * See CleanupStore.withUnusedCandidates. The write lock keeps all others from naming a blob. It
 * needs no room on disk, since nothing is written.
 */
export async function withUnusedCandidates(
  connection: SqliteConnection,
  ...[{ minAgeSeconds, limit, prefix }, body]: Parameters<CleanupStore['withUnusedCandidates']>
): Promise<void> {
  await connection.writeInSteps(async () => {
    const found = connection.all<{ uid: string }>(unusedCandidates(connection, { minAgeSeconds, prefix }, limit));
    await body(found.map(({ uid }) => uid));
  });
}
