import type { BlockRow } from '../model/block.ts';
import type { BlockRange } from '../model/block-range.ts';
import type { Version } from '../model/version.ts';
import type { ImportOptions, ImportOutcome } from './transfer-store.ts';

/**
 * Rows that a version has as well which was added before, in the same fill: all its rows of these
 * blocks. They begin and end with leaves of the compact layout, or with the image. Copies are made
 * within the database, in a third of the time or less.
 */
export interface CopiedRows {
  versionUid: string;
  blocks: BlockRange;
  /** How many rows it has there. */
  rows: number;
}

/** Rows of a version in the order of their ids, up to some thousand. */
export type FillPage = readonly BlockRow[] | CopiedRows;

/** Tells the two kinds of pages apart. */
export function isCopy(page: FillPage): page is CopiedRows {
  return 'versionUid' in page;
}

/**
 * Adds a whole version in one transaction, with all its rows dated as it is, and its tags. The
 * pages are in the order of their ids.
 */
export type AddVersion = (
  version: Version,
  pages: AsyncIterable<FillPage>,
  options?: Pick<ImportOptions, 'isWhole' | 'tags' | 'allOrNothing' | 'heedsBad'>,
) => Promise<ImportOutcome>;

/** Fills a new database. */
export interface FillStore {
  /**
   * Runs `body`, which adds versions that are trusted: several times as fast as imports, because
   * indexes of blobs are made at the end. Until then the database has a revision of its own, which
   * {@link OpenOptions.fills} alone accepts: after a crash or a throw of `body`, call this again.
   * Nobody else may use the database meanwhile. A database that had versions before is not treated
   * so: each is imported.
   */
  fill(body: (add: AddVersion) => Promise<void>): Promise<void>;
}
