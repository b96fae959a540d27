import { BackyError } from '../errors.ts';
import type { DatedBlockRow } from '../model/block.ts';
import type { Version } from '../model/version.ts';

/** How a version is imported. */
export interface ImportOptions {
  /** Called after the last row; false makes the version invalid. */
  isWhole?: () => boolean;
  /** The rows come from another database of ours: remember no content as imported. */
  isTrusted?: boolean;
  /** Added together with the version. */
  tags?: readonly string[];
  /**
   * Reject with {@link blobsTaken}, and change nothing, if a cleanup deletes a blob of a valid row,
   * or may have deleted one since the first row was asked for. Otherwise none is deleted from the
   * end of the import on. The caller has looked for the blob of each row before it gives the row.
   * Meanwhile no other import and no full cleanup runs, and none makes room ({@link
   * CleanupStore.withUnusedCandidates}).
   */
  allOrNothing?: boolean;
  /**
   * A good row whose blob the database knows as bad only comes in as bad, and its version as
   * invalid: it was found bad while the version was away.
   */
  heedsBad?: boolean;
}

/** The error for a removed version that can't come back whole. */
export function blobsTaken(uid: string): BackyError {
  return new BackyError('refused', `A cleanup has taken blobs of version ${uid}, or is about to: it can't come back whole.`, {
    data: { uid },
    hint: `Nothing was changed. To bring the rest of it back, as an invalid version: backy2 catalogue --adopt ${uid}`,
  });
}

/** The outcome of an import. */
export interface ImportOutcome {
  /** Blocks that have a doomed blob. */
  doomed: number;
  /** Blobs were deleted since the first row was asked for: some of these may be among them. */
  mayLack: boolean;
  /** Blocks that came in as bad: see {@link ImportOptions.heedsBad}. */
  bad: number;
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
