import type { DatedBlockRow } from '../model/block.ts';
import type { Version } from '../model/version.ts';

/** How a version is imported. */
export interface ImportOptions {
  /** Called after the last row; false makes the version invalid. */
  isWhole?: () => boolean;
  /** The rows come from another database of ours: remember no content as imported. */
  isTrusted?: boolean;
}

/** The outcome of an import. */
export interface ImportOutcome {
  /** Blocks that have a doomed blob. */
  doomed: number;
  /** Blobs were deleted since the first row was asked for: some of these may be among them. */
  mayLack: boolean;
}

/** Export and import. */
export interface TransferStore {
  datedBlockPage(versionUid: string, afterId: number, limit: number): Promise<DatedBlockRow[]>;
  /**
   * Adds a whole version in one transaction. Rejects, with nothing changed, when `rows` throws or
   * the version exists (code `versionExists`). Blocks whose blobs are doomed become invalid, and
   * the version with them. So does the version if a cleanup has deleted blobs since the first row
   * was asked for. Remembers contents of blobs that no row had before as imported: see
   * {@link FoundBlob.imported}.
   */
  importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, options?: ImportOptions): Promise<ImportOutcome>;
}
