import type { BlockContent } from '../../model/block.ts';

/** Counts the blocks of a restore by what becomes of them. */
export class RestoreTally {
  /** The target had them already. */
  kept = 0;
  /** Written, zeros included, or in a dry run: to be written. */
  written = 0;
  /** Blocks whose blobs were fetched, good or not. */
  fetched = 0;
  /** Plain bytes of these. */
  fetchedBytes = 0;
  /** Blocks of the target that could not be read. */
  unreadable = 0;
  /** Why the first of these could not. */
  whyUnreadable = '';

  /** Counts blocks of the target that could not be read. */
  addUnreadable(reasons: readonly string[]): void {
    if (this.unreadable === 0) this.whyUnreadable = reasons[0] ?? '';
    this.unreadable += reasons.length;
  }

  /** Counts a block that is written. */
  write({ uid, size }: Pick<BlockContent, 'uid' | 'size'>): void {
    this.written++;
    if (uid === null) return;
    this.fetched++;
    this.fetchedBytes += size;
  }
}
