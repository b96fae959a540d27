import type { CleanupStore } from '../cleanup-store.ts';
import { bind } from '../sql/bind.ts';
import type { SqlDatabase } from '../sql/database.ts';

/** CleanupStore on the compact layout. */
export function compactCleanup(db: SqlDatabase): CleanupStore {
  const notYet = () => {
    throw new Error('not yet');
  };
  return bind(db, {
    redateFutureCandidates: notYet,
    dropUsedCandidates: notYet,
    doomCandidates: notYet,
    waitingBlobs: notYet,
    withUnusedCandidates: notYet,
    leftDoomed: notYet,
    forgetDoomed: notYet,
    unnamed: notYet,
    countFullCleanup: notYet,
    fullCleanups: notYet,
    candidatesAmong: notYet,
    verifyUidIndex: notYet,
  });
}
