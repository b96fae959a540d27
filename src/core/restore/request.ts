import type { BadBlock } from '../blocks/bad-blocks.ts';

/** A restore that reads the target first, and writes only the blocks that differ. */
export interface DeltaOptions {
  /** A snapshot of the target, an RBD image: only what has changed since is read. */
  from: string | undefined;
  /** Write nothing, and tell what would be written. Needs no blobs. */
  dryRun: boolean;
}

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
  /** Compare the target first. Not with `discard`. */
  delta?: DeltaOptions | undefined;
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
  /**
   * Nothing was written: `blocksRestored`, `bytesRestored` and `blocksWritten` are what would be.
   */
  dryRun: boolean;
  /** Blocks: the sum of those restored, sparse, kept, skipped and bad. */
  size: number;
  sizeBytes: number;
  /** Read from their blobs, found good, and written. */
  blocksRestored: number;
  bytesRestored: number;
  /** All zero, and not kept. */
  blocksSparse: number;
  /** With `delta`: the target had them already. */
  blocksKept: number;
  /** Written to the target: those restored, zeros where it may have data, and bad ones. */
  blocksWritten: number;
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
