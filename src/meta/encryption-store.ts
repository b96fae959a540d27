import type { SealedBlock, SealedRow } from '../model/blob.ts';
import type { Version } from '../model/version.ts';

/** How wrapped keys are replaced. */
export interface RewrapRequest {
  /** The new wrapped key of a block, or undefined to leave it as it is. A throw ends it all, with nothing changed. */
  rewrap(block: SealedRow): string | undefined;
  /** Told now and then how many of how many rows were looked at. A throw ends it all, with nothing changed. */
  onProgress(done: number, total: number): void;
}

/** What became of the rows. */
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
  /** Up to `limit` different encrypted blocks of a version; none only if it has none. Not a transaction. */
  sealedBlocks(version: Version, limit: number): Promise<SealedBlock[]>;
  /**
   * Up to `limit` different encrypted blocks, of any version. Looks at a bounded number of rows, newest versions first: it MAY find none where
   * only few, old blocks are encrypted.
   */
  sampleSealedBlocks(limit: number): Promise<SealedBlock[]>;
  /**
   * Gives every encrypted block another wrapped key, in one transaction: all of them or, when `rewrap` throws, none. No one else can
   * write meanwhile; messages and signals are heard.
   */
  rewrapKeys(order: RewrapRequest): Promise<RewrapCounts>;
}
