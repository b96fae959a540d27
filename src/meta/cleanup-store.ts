import type { FutureTimes } from '../model/reports.ts';

/**
 * Cleanup's side of the protocol in semantics.md. Ages of candidates are by one clock, which also
 * gives them their times: the database server's, where there is one, since clocks of hosts differ;
 * else this host's.
 */
export interface CleanupStore {
  /** Dates candidates from the future now: their hour begins. Else they would stay until then. */
  redateFutureCandidates(): Promise<FutureTimes>;
  /**
   * Drops candidates of at least this age that some row still names. @returns how many of that age
   * are left.
   */
  dropUsedCandidates(minAgeSeconds: number): Promise<number>;
  /**
   * Dooms up to `limit` candidates of at least this age and with this prefix that no row names:
   * from now on no backup can use them.
   * @returns their uids.
   */
  doomCandidates(minAgeSeconds: number, limit: number, prefix: string): Promise<string[]>;
  /** Doomed uids that an earlier cleanup left; those that some row names by now are freed instead. */
  leftDoomed(limit: number): Promise<string[]>;
  /** Forgets doomed blobs and their candidates: their blobs are gone. */
  forgetDoomed(uids: readonly string[]): Promise<void>;
  /** Those of `uids` that no row names. */
  unnamed(uids: readonly string[]): Promise<string[]>;
  /** Counts a full cleanup. MUST come before it looks for blobs to delete. */
  countFullCleanup(): Promise<void>;
  /**
   * How many full cleanups were begun, ever: those who store blobs see by it that one runs or has
   * run.
   */
  fullCleanups(): Promise<number>;
  /** Those of `uids` that are candidates for deletion, of any age, or doomed. */
  candidatesAmong(uids: readonly string[]): Promise<string[]>;
  /**
   * Makes sure that {@link unnamed} finds each row, before all is deleted that it does not find.
   * Changes nothing. Rejects with code `database` when it does not.
   */
  verifyUidIndex(signal: AbortSignal): Promise<void>;
}
