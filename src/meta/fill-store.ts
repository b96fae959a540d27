import type { BlockRow } from '../model/block.ts';
import type { Version } from '../model/version.ts';
import type { ImportOptions, ImportOutcome } from './transfer-store.ts';

/**
 * Adds a whole version in one transaction, with all its rows dated as it is, and its tags. The
 * pages hold its rows in the order of their ids; none has more than some thousand.
 */
export type AddVersion = (
  version: Version,
  pages: AsyncIterable<readonly BlockRow[]>,
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
