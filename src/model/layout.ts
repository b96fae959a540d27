/** How a database holds the blocks of versions (docs/spec/formats.md §2, §9). */
export const LAYOUTS = ['classic', 'compact'] as const;

/** One of {@link LAYOUTS}. The classic one is that of the original: a row for each block. */
export type Layout = (typeof LAYOUTS)[number];
