import type { GoodBlob, Healing } from '../model/blob.ts';
import type { BlockRow } from '../model/block.ts';

/** Blobs whose rows are known to be bad, and what can stand in for them. */
export interface HealStore {
  /**
   * Gives every bad row with the content of one of `blobs` that blob; the old one becomes a candidate for deletion. The blobs MUST be durable.
   * Versions stay as they are: see {@link validateWhole}.
   */
  heal(blobs: readonly GoodBlob[]): Promise<Healing>;
  /**
   * Makes those of `versionUids` valid that are whole, i.e. have all their rows, every one of them valid; but no backup or migration that has
   * not ended. A transaction each. @returns those that are valid now and were not.
   */
  validateWhole(versionUids: readonly string[]): Promise<string[]>;
  /** Up to `limit` invalid rows that have a blob, with ids above `afterId`, in id order; walks the rows in between. */
  badBlockPage(versionUid: string, afterId: number, limit: number): Promise<BlockRow[]>;
}
