import type { SealedBlock, SealedRow } from '../model/blob.ts';
import type { Version } from '../model/version.ts';

/** How wrapped keys are replaced. */
export interface RewrapRequest {
  /**
   * Returns the new wrapped key of a block, or undefined to keep the old one. A throw ends the
   * call, with nothing changed.
   */
  rewrap(block: SealedRow): string | undefined;
  /**
   * Called repeatedly with the number of rows so far. A throw ends the call, with nothing changed.
   */
  onProgress(done: number, total: number): void;
}

/** Numbers of rows. */
export interface RewrapCounts {
  rewrapped: number;
  /** Encrypted blocks that were left as they are. */
  left: number;
  sparse: number;
  /** Blocks that are not encrypted. */
  plain: number;
}

/** How blocks are encrypted. */
export interface EncryptionStore {
  /**
   * Up to `limit` different encrypted blocks of a version; at least one if it has any. Not a
   * transaction.
   */
  sealedBlocks(version: Version, limit: number): Promise<SealedBlock[]>;
  /**
   * Up to `limit` different encrypted blocks of any version. Reads a bounded number of rows, newest
   * versions first: it MAY find none where only a few old blocks are encrypted.
   */
  sampleSealedBlocks(limit: number): Promise<SealedBlock[]>;
  /**
   * Replaces the wrapped key of every encrypted block in one transaction. Nothing changes when
   * `rewrap` throws. Nobody else can write during the call; the event loop keeps running.
   */
  rewrapKeys(request: RewrapRequest): Promise<RewrapCounts>;
}
