import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Lock } from '../../locking/lock.ts';
import type { BlobOfBlock } from '../../model/block.ts';
import type { Context } from '../context.ts';
import { findVersion } from '../versions/find-version.ts';
import { checkInstallationFree, lockVersion, releaseAll } from '../versions/locks.ts';

/** Rows of each version in memory at a time. */
const PAGE_ROWS = 2_000;

/** How a block of one version differs from the same block of another, by their blobs. */
export interface BlockComparison {
  change: 'SAME' | 'DIFF' | 'NEW LEFT' | 'NEW RIGHT';
  id: number;
}

/**
 * Compares two versions in the order of block ids, a page at a time. Reads metadata only: equal
 * bytes in two blobs count as different. Holds shared locks of both versions until the iteration
 * ends.
 */
export async function* diffMeta(
  { meta, locks, signal }: Context,
  leftUid: string,
  rightUid: string,
): AsyncIterableIterator<BlockComparison[]> {
  await checkInstallationFree(locks);
  const held: Lock[] = [];
  try {
    for (const uid of new Set([leftUid, rightUid])) {
      await findVersion(meta, uid);
      held.push(await lockVersion(locks, uid, 'shared'));
    }
    for (let after = -1; after < Infinity; ) {
      // SQLite answers without a wait. Signal handlers get a turn here.
      await nextTurn();
      signal.throwIfAborted();
      const left = await meta.blobPage(leftUid, after, PAGE_ROWS);
      const right = await meta.blobPage(rightUid, after, PAGE_ROWS);
      // After the end of a full page, that version may have more rows.
      after = Math.min(lastKnown(left), lastKnown(right));
      yield compareBlobs(left, right, after);
    }
  } finally {
    await releaseAll(held);
  }
}

/** The last id up to which a page is complete. */
function lastKnown(page: readonly BlobOfBlock[]): number {
  return page.length < PAGE_ROWS ? Infinity : (page.at(-1)?.id ?? Infinity);
}

/** Compares two lists of blocks, both in id order, up to the id `last`. */
export function compareBlobs(left: readonly BlobOfBlock[], right: readonly BlobOfBlock[], last: number): BlockComparison[] {
  const comparisons: BlockComparison[] = [];
  for (let l = 0, r = 0; ; ) {
    const id = Math.min(left[l]?.id ?? Infinity, right[r]?.id ?? Infinity);
    if (id > last || id === Infinity) return comparisons;
    const mine = left[l]?.id === id ? left[l++] : undefined;
    const other = right[r]?.id === id ? right[r++] : undefined;
    comparisons.push({ change: changeOf(mine, other), id });
  }
}

function changeOf(left: BlobOfBlock | undefined, right: BlobOfBlock | undefined): BlockComparison['change'] {
  if (left === undefined) return 'NEW RIGHT';
  if (right === undefined) return 'NEW LEFT';
  return left.uid === right.uid ? 'SAME' : 'DIFF';
}
