import type { CleanupStore } from '../cleanup-store.ts';
import { bind } from '../sql/bind.ts';
import { countFullCleanup, fullCleanups } from '../sql/cleanup.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { dropUsedCandidates, redateFutureCandidates } from './candidates.ts';
import { doomCandidates, forgetDoomed, leftDoomed, spareBlobs } from './doomed.ts';
import { candidatesAmong, prepareFullCleanup, unnamed, waitingBlobs } from './unnamed.ts';

/** CleanupStore on the compact layout. SQLite has more to do for some of it. */
export function compactCleanup(db: SqlDatabase): CleanupStore {
  return bind(db, {
    withUnusedCandidates: () => {},
    ...{ redateFutureCandidates, dropUsedCandidates, doomCandidates, waitingBlobs, leftDoomed, forgetDoomed, spareBlobs },
    ...{ unnamed, countFullCleanup, fullCleanups, candidatesAmong, prepareFullCleanup },
  });
}
