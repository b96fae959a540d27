import type { BadBlock } from '../blocks/bad-blocks.ts';

/** A version, and the target that it is restored to. */
export interface RestoreRequest {
  uid: string;
  target: string;
  /** Leave zero blocks of the target as they are. */
  sparse: boolean;
  /** Overwrite an existing target. */
  force: boolean;
  /** Free the space of an existing target first. Not with `fromId`. */
  discard: boolean;
  /** Skip blocks with lower ids. */
  fromId: number;
  /** Continue although the store's id and blobs are missing. */
  acceptDamage?: boolean | undefined;
  /**
   * Called with the highest id up to which all blocks are on the target; negative: none yet. MUST
   * be cheap.
   */
  onLastId?: ((id: number) => void) | undefined;
}

/** The outcome of a restore. */
export interface RestoreResult {
  uid: string;
  name: string;
  snapshotName: string;
  target: string;
  /** Blocks: the sum of those restored, sparse, skipped and bad. */
  size: number;
  sizeBytes: number;
  /** Read from their blobs, found good, and written. */
  blocksRestored: number;
  bytesRestored: number;
  /** All zero. */
  blocksSparse: number;
  /** Below `fromId`. */
  blocksSkipped: number;
  /** Bytes of a larger target, behind the restored ones, that keep what they had. */
  tailBytes: number;
  /** Whether the database has exactly the rows of the version's blocks. */
  complete: boolean;
  /** Wrong or missing on the target. */
  blocksBad: number;
  errors: BadBlock[];
  /** Versions that are invalid now: they hold a bad block. */
  affectedVersions: string[];
  seconds: number;
}
