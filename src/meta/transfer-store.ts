import type { DatedBlockRow } from '../model/block.ts';
import type { Version } from '../model/version.ts';

/** Export and import. */
export interface TransferStore {
  datedBlockPage(versionUid: string, afterId: number, limit: number): Promise<DatedBlockRow[]>;
  /**
   * Adds a whole version in one transaction. Rejects, with nothing changed, when `rows` throws or
   * the version exists (code `versionExists`). Blocks whose blobs are doomed come in invalid, and
   * so does the version. Contents of blobs that no row had before are remembered as imported, in
   * the same transaction: see {@link FoundBlob.imported}.
   * @param isWhole asked after the last row: false makes the version invalid. @returns how many
   * blocks have a doomed blob.
   */
  importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, isWhole?: () => boolean): Promise<number>;
}
