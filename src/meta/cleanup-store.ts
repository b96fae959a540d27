import type { FutureTimes } from '../model/reports.ts';

/** Blobs that nothing uses, but whose candidates are too young to be deleted. */
export interface WaitingBlobs {
  blobs: number;
  /** Seconds until the last of them is old enough; 0 without any. */
  seconds: number;
}

/** Which candidates to delete without marks; see {@link CleanupStore.withUnusedCandidates}. */
export interface UnusedRequest {
  minAgeSeconds: number;
  limit: number;
  prefix: string;
  /**
   * No other operation that stores blobs runs, and later ones look for a blob before they use it.
   * Otherwise a store MAY leave out blobs that a row could name after `body` was killed.
   */
  isAlone: boolean;
}

/**
 * Called after each piece of a search that takes long: `done` of `total`, in units of the store's.
 * A throw ends the search. Nothing is lost then: the next one begins from the start.
 */
export type OnSearched = (done: number, total: number) => void;

/**
 * Cleanup's part of the protocol in docs/spec/semantics.md. One clock gives candidates their time
 * and measures their age: the database server's, since clocks of hosts differ. With SQLite, it is
 * this host's.
 */
export interface CleanupStore {
  /** Sets the time of candidates from the future to now, so that their hour begins. */
  redateFutureCandidates(): Promise<FutureTimes>;
  /**
   * Deletes candidates of at least this age that some row still names; younger ones too, where that
   * costs nothing. Takes many transactions. @returns how many of that age are left.
   */
  dropUsedCandidates(minAgeSeconds: number, onSearched?: OnSearched): Promise<number>;
  /**
   * Dooms up to `limit` candidates of at least this age and with this prefix that no row names.
   * From then on, no backup can use them. MAY leave out those that {@link dropUsedCandidates} has
   * not looked at.
   * @returns their uids.
   */
  doomCandidates(minAgeSeconds: number, limit: number, prefix: string): Promise<string[]>;
  /**
   * Counts blobs with this prefix that no row names, that are not doomed, and whose candidates are
   * younger than this age. MAY count some that a row names, if {@link dropUsedCandidates} has not
   * looked at them. Reads all candidates, in pieces.
   */
  waitingBlobs(minAgeSeconds: number, prefix: string): Promise<WaitingBlobs>;
  /**
   * Calls `body` with up to `limit` uids of the same kind, without dooming them: no transaction can
   * name them before `body` ends. For a database that has no room for marks: a store that fails
   * with NoRoomError MUST implement it; others MAY do nothing. MAY read all of the database.
   */
  withUnusedCandidates(request: UnusedRequest, body: (uids: string[]) => Promise<void>): Promise<void>;
  /** Doomed uids that an earlier cleanup left. Frees those that a row names by now. */
  leftDoomed(limit: number): Promise<string[]>;
  /** Deletes the marks and candidates of doomed blobs. Their blobs MUST be deleted before. */
  forgetDoomed(uids: readonly string[]): Promise<void>;
  /** Makes blobs that are doomed, or known to be unused, candidates again. They MUST be there. */
  spareBlobs(uids: readonly string[]): Promise<void>;
  /**
   * Those of `uids` that no row names. MAY leave out some of them unless {@link prepareFullCleanup}
   * went before.
   */
  unnamed(uids: readonly string[]): Promise<string[]>;
  /** Counts a full cleanup. MUST precede its search for blobs to delete. */
  countFullCleanup(): Promise<void>;
  /**
   * How many full cleanups have ever begun. Programs that store blobs notice a full cleanup by it.
   */
  fullCleanups(): Promise<number>;
  /** Those of `uids` that are candidates for deletion, of any age, or doomed. */
  candidatesAmong(uids: readonly string[]): Promise<string[]>;
  /**
   * Makes sure that {@link unnamed} finds every row, since cleanup deletes all that it does not
   * find. Changes nothing but candidates, and removes what killed imports left: none MAY run.
   * Rejects with code `database` when the database is damaged.
   */
  prepareFullCleanup(onSearched: OnSearched): Promise<void>;
}
