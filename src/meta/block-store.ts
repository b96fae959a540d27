import type { BlockRow } from '../model/block.ts';

/** How the ids of a version's rows fit its size. The database holds no id twice. */
export interface RowIds {
  /** Rows with ids from 0 to size - 1. */
  fitting: number;
  /** All others: out of range, or (SQLite) no whole number. */
  stray: number;
  /** A few ids of stray rows, as text. */
  examples: string[];
}

/**
 * Block rows of finished versions. Rows with ids that no block can have are given by none of these
 * but {@link checkIds}.
 */
export interface BlockStore {
  countBlocks(versionUid: string): Promise<number>;
  /** Looks at the ids of all rows of a version of `size` blocks. */
  checkIds(versionUid: string, size: number): Promise<RowIds>;
  /**
   * Up to `limit` rows with ids above `afterId` (start with -1), in id order. Ids MAY be beyond the
   * version's size.
   */
  blockPage(versionUid: string, afterId: number, limit: number): Promise<BlockRow[]>;
  /** The rows that exist among `ids`. */
  blocksById(versionUid: string, ids: readonly number[]): Promise<BlockRow[]>;
  /** Marks all rows with this blob and checksum, and every version that holds one, invalid. @returns those versions. */
  markBlockInvalid(uid: string, checksum: string | null): Promise<string[]>;
}
