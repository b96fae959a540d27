/** Blocks of a leaf of the catalogue (docs/spec/formats.md §10). */
export const LEAF_BLOCKS = 500;

/** The number of the leaf of a block. */
export const leafOfBlock = (id: number): number => Math.floor(id / LEAF_BLOCKS);
