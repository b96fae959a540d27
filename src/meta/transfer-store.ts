import type { DatedBlockRow } from '../model/block.ts';
import type { Version } from '../model/version.ts';

/** How a version is imported. */
export interface ImportOptions {
  /** Called after the last row; false makes the version invalid. */
  isWhole?: () => boolean;
  /** The rows come from another database of ours: remember no content as imported. */
  isTrusted?: boolean;
}

/** Export and import. */
export interface TransferStore {
  datedBlockPage(versionUid: string, afterId: number, limit: number): Promise<DatedBlockRow[]>;
  /**
   * Adds a whole version in one transaction. Rejects, with nothing changed, when `rows` throws or
   * the version exists (code `versionExists`). Blocks whose blobs are doomed become invalid, and
   * the version with them. Remembers contents of blobs that no row had before as imported: see
   * {@link FoundBlob.imported}.
   * @returns how many blocks have a doomed blob.
   */
  importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, options?: ImportOptions): Promise<number>;
}
