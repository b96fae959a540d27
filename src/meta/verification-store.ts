import type { BlockContent, BlockRow } from '../model/block.ts';
import type { FutureTimes } from '../model/reports.ts';

/** A blob that was read whole, and what came of it. */
export interface BlobCheck {
  uid: string;
  good: boolean;
  /** What a good blob was found to hold, and how it was decoded. */
  content?: Omit<BlockContent, 'uid'>;
}

/** Where a walk from the longest ago to the latest check is. */
export interface CheckCursor {
  /** Unix seconds. */
  time: number;
  uid: string;
}

/** A blob with one of the rows that name it. */
export interface BlobToCheck extends BlockRow {
  uid: string;
  versionUid: string;
}

/** How well the blobs that rows name are known. */
export interface Coverage {
  blobs: number;
  /** Verified at or after each of the times that were asked for, and not in the future. */
  verified: number[];
  never: number;
  /** The last check is from the future: nobody knows when it was. */
  future: number;
  /** The last check found these bad. */
  bad: number;
  /** The good one that was verified longest ago; undefined when there is none. */
  oldest: CheckCursor | undefined;
}

/** When each blob was verified: read whole, and its checksum compared. A blob that several versions use counts once. */
export interface VerificationStore {
  /**
   * Notes checks; no uid twice. `time`: Unix seconds. Costs some 10 µs a blob. A blob known only
   * from imports ({@link TransferStore.importVersion}) that was found to hold what all of its rows
   * say is as good as any other from then on.
   */
  recordChecks(checks: readonly BlobCheck[], time: number): Promise<void>;
  /**
   * Dates checks, and the walk before this one, no later than `now` (Unix seconds). @returns the
   * checks that were from the future.
   */
  redateFutureChecks(now: number): Promise<FutureTimes>;
  /**
   * Enters blobs that no check has met, as not looked at since the walk before this one. Walks all uids, in pieces, in bounded memory:
   * about 1 µs a row. @returns how many blobs rows name.
   */
  enrolBlobs(startTime: number, onPiece: () => void): Promise<number>;
  /**
   * Up to `limit` enrolled blobs beyond `after`, those not looked at for longest first, and only such as were last looked at before `before`.
   * What no row names any more is forgotten. @returns no cursor when there are no more.
   */
  longestUnchecked(
    after: CheckCursor | undefined,
    before: number,
    limit: number,
  ): Promise<{ blobs: BlobToCheck[]; cursor: CheckCursor | undefined }>;
  /** Whether some row names this blob with this checksum. */
  isNamed(uid: string, checksum: string | null): Promise<boolean>;
  /**
   * Counts, by Unix times. What was verified after `until` counts as from the future. Walks all
   * uids as enrolBlobs does.
   */
  coverage(sinces: readonly number[], until: number, onPiece: () => void): Promise<Coverage>;
}
