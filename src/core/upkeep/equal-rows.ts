import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MetaStore } from '../../meta/meta-store.ts';
import { type BlockRow, isSameBlob } from '../../model/block.ts';

/** Rows of each store in memory at a time. */
const PAGE_ROWS = 5_000;

/**
 * Compares all rows of a version in two stores: every column but the date. @param onRows called
 * with the number of rows that were compared since the last call. @returns the id of the first
 * block that differs.
 */
export async function firstDifference(
  [one, other]: readonly [MetaStore, MetaStore],
  versionUid: string,
  onRows: (rows: number) => void,
): Promise<number | undefined> {
  for (let after = -1; ; ) {
    await nextTurn();
    const left = await one.blockPage(versionUid, after, PAGE_ROWS);
    const right = await other.blockPage(versionUid, after, PAGE_ROWS);
    const length = Math.max(left.length, right.length);
    for (let i = 0; i < length; i++) {
      if (!isSameRow(left[i], right[i])) return Math.min(left[i]?.id ?? Infinity, right[i]?.id ?? Infinity);
    }
    onRows(length);
    if (length < PAGE_ROWS) return undefined;
    after = left.at(-1)?.id ?? after;
  }
}

function isSameRow(a: BlockRow | undefined, b: BlockRow | undefined): boolean {
  return a !== undefined && b !== undefined && a.id === b.id && isSameBlob(a, b);
}
