import type { DatedBlockRow } from '../model/block.ts';
import type { Version } from '../model/version.ts';

/** Export and import. */
export interface TransferStore {
  datedBlockPage(versionUid: string, afterId: number, limit: number): Promise<DatedBlockRow[]>;
  /**
   * Adds a whole version in one transaction. Rejects, with nothing changed, when `rows` throws or
   * the version exists (code `versionExists`). Blocks whose blobs are doomed become invalid, and
   * the version with them. Remembers contents of blobs that no row had before as imported: see
   * {@link FoundBlob.imported}.
   * @param isWhole called after the last row; false makes the version invalid.
   * @returns how many blocks have a doomed blob.
   */
  importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, isWhole?: () => boolean): Promise<number>;
}
