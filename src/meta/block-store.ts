import type { BlockRow } from '../model/block.ts';

/** How the ids of the rows fit the size of their version. No id exists twice. */
export interface RowIds {
  /** Rows with ids from 0 to size - 1. */
  fitting: number;
  /** All others: out of range or, in SQLite, not an integer. */
  stray: number;
  /** A few ids of stray rows, as text. */
  examples: string[];
}

/** A blob as rows name it. */
export interface BlobName {
  uid: string;
  checksum: string | null;
}

/** A version that has a blob, and its first block with it. */
export interface BlobHolder {
  versionUid: string;
  id: number;
}

/** Block rows. Only {@link checkIds} sees rows with ids that no block can have. */
export interface BlockStore {
  countBlocks(versionUid: string): Promise<number>;
  /** Checks the ids of all rows of a version of `size` blocks. */
  checkIds(versionUid: string, size: number): Promise<RowIds>;
  /**
   * Up to `limit` rows with ids above `afterId` (start with -1), in id order. Ids MAY be beyond the
   * version's size.
   */
  blockPage(versionUid: string, afterId: number, limit: number): Promise<BlockRow[]>;
  /** The rows that exist among `ids`, in the order of `ids`. */
  blocksById(versionUid: string, ids: readonly number[]): Promise<BlockRow[]>;
  /**
   * Marks all rows with one of these blobs and its checksum invalid, and every version that has
   * one. No blob twice. MAY read all of the database for it: mark many at a time.
   * @returns for each of the blobs, the versions that have it, oldest first.
   */
  markBlobsInvalid(blobs: readonly BlobName[]): Promise<BlobHolder[][]>;
}
