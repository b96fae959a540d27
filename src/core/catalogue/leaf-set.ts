import type { BlockRange } from '../../model/block-range.ts';
import { LEAF_BLOCKS, leafOfBlock } from '../../model/catalogue-leaf.ts';

/** How many leaves an image of `size` blocks has. */
export function leafCount(size: number): number {
  return Math.ceil(size / LEAF_BLOCKS);
}

/** The blocks of a leaf. */
export function blocksOfLeaf(index: number, size: number): BlockRange {
  const first = index * LEAF_BLOCKS;
  return { first, count: Math.min(LEAF_BLOCKS, size - first) };
}

/** Numbers of leaves, from the blocks that they hold. */
export class LeafSet extends Set<number> {
  /** Adds the leaves that these blocks touch. */
  addBlocks(ranges: Iterable<BlockRange>): void {
    for (const { first, count } of ranges)
      for (let leaf = leafOfBlock(first), last = leafOfBlock(first + count - 1); leaf <= last; leaf++) this.add(leaf);
  }
}
