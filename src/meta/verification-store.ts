import type { StoredBlob } from '../model/blob.ts';
import type { BlockContent } from '../model/block.ts';
import type { FutureTimes } from '../model/reports.ts';

/** The result of reading a whole blob. */
export interface BlobCheck {
  uid: string;
  good: boolean;
  /** The content of a good blob, and how it was decoded. */
  content?: Omit<BlockContent, 'uid'>;
}

/** A position in the order from the oldest to the newest check. */
export interface CheckCursor {
  /** Unix seconds. */
  time: number;
  uid: string;
}

/** How many blobs were verified. */
export interface Coverage {
  blobs: number;
  /** Verified at or after each of the requested times, and not in the future. */
  verified: number[];
  never: number;
  /** The last check is dated in the future. */
  future: number;
  /** The last check found these bad. */
  bad: number;
  /** The good blob with the oldest check; undefined when there is none. */
  oldest: CheckCursor | undefined;
}

/**
 * When each blob was verified: read completely and compared with its checksum. A blob that several
 * versions use counts once.
 */
export interface VerificationStore {
  /**
   * Records checks; no uid twice. `time`: Unix seconds. Costs about 10 µs a blob. An imported blob
   * ({@link TransferStore.importVersion}) that holds what all of its rows say no longer counts as
   * imported.
   */
  recordChecks(checks: readonly BlobCheck[], time: number): Promise<void>;
  /**
   * Sets the time of checks from the future to `now` (Unix seconds), and that of the last
   * enrolment. @returns the checks from the future.
   */
  redateFutureChecks(now: number): Promise<FutureTimes>;
  /**
   * Adds blobs without a check, dated as of the enrolment before this one. Reads all uids in
   * pieces, in bounded memory: about 1 µs a row. MAY forget blobs that no row names any more.
   * @returns how many blobs rows name.
   */
  enrolBlobs(startTime: number, onPiece: () => void): Promise<number>;
  /**
   * Up to `limit` enrolled blobs after the cursor, oldest check first, only those last checked
   * before `before`. Forgets blobs that no row names any more; MAY give one that {@link enrolBlobs}
   * has not met since. @returns no cursor at the end.
   */
  longestUnchecked(
    after: CheckCursor | undefined,
    before: number,
    limit: number,
  ): Promise<{ blobs: StoredBlob[]; cursor: CheckCursor | undefined }>;
  /**
   * Whether some row names this blob with this checksum. MAY be true if none does, but false once a
   * cleanup has deleted the blob.
   */
  isNamed(uid: string, checksum: string | null): Promise<boolean>;
  /**
   * Counts checks, by Unix times. A check after `until` counts as from the future. Reads all uids
   * as enrolBlobs does.
   */
  coverage(sinces: readonly number[], until: number, onPiece: () => void): Promise<Coverage>;
}
