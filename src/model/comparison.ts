import type { BlobOfBlock } from './block.ts';
import type { BlockRange } from './block-range.ts';

/** How a block of one version differs from the same block of another, by their blobs. */
export type Change = 'SAME' | 'DIFF' | 'NEW LEFT' | 'NEW RIGHT';

/** Blocks that differ in the same way. */
export interface ComparedRange extends BlockRange {
  change: Change;
}

/** Two versions up to a block. */
export interface Comparison {
  /** In the order of ids. Ids that neither version has are in none. */
  ranges: ComparedRange[];
  /** The last id that was looked at; Infinity: neither version has more. */
  end: number;
}

/** Adds blocks behind those of a list. */
export function addCompared(ranges: ComparedRange[], change: Change, first: number, count = 1): void {
  const last = ranges.at(-1);
  if (last?.change === change && last.first + last.count === first) last.count += count;
  else if (count > 0) ranges.push({ change, first, count });
}

/** Compares two lists of blocks, both in id order, up to the id `end`. */
export function compareBlobs(left: readonly BlobOfBlock[], right: readonly BlobOfBlock[], end: number): ComparedRange[] {
  const ranges: ComparedRange[] = [];
  for (let l = 0, r = 0; ; ) {
    const id = Math.min(left[l]?.id ?? Infinity, right[r]?.id ?? Infinity);
    if (id > end || id === Infinity) return ranges;
    const mine = left[l]?.id === id ? left[l++] : undefined;
    const other = right[r]?.id === id ? right[r++] : undefined;
    addCompared(ranges, changeOf(mine, other), id);
  }
}

function changeOf(left: BlobOfBlock | undefined, right: BlobOfBlock | undefined): Change {
  if (left === undefined) return 'NEW RIGHT';
  if (right === undefined) return 'NEW LEFT';
  return left.uid === right.uid ? 'SAME' : 'DIFF';
}
