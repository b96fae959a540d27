import type { GoodBlob, Healing } from '../model/blob.ts';
import type { BlockRow } from '../model/block.ts';

/** Bad rows, and the blobs that replace theirs. */
export interface HealStore {
  /**
   * Gives each bad row the blob of the same content among `blobs`. The old blob becomes a candidate
   * for deletion. The blobs MUST be durable. Versions do not change: see {@link validateWhole}.
   */
  heal(blobs: readonly GoodBlob[]): Promise<Healing>;
  /**
   * Makes those of `versionUids` valid that have all their rows, each of them valid. Skips backups
   * and migrations that have not finished. One transaction for each version.
   * @returns those that were invalid and are valid now.
   */
  validateWhole(versionUids: readonly string[]): Promise<string[]>;
  /**
   * Up to `limit` invalid rows with a blob and an id above `afterId`, in the order of ids. Reads
   * the rows in between.
   */
  badBlockPage(versionUid: string, afterId: number, limit: number): Promise<BlockRow[]>;
}
