/**
 * How a database keeps the blocks of versions: `classic` in a row for each block, as the original
 * does; `compact` in leaves that versions share (docs/spec/formats.md).
 */
export type Layout = 'classic' | 'compact';

/** All layouts, by name. */
export const LAYOUTS = { classic: 'classic', compact: 'compact' } as const satisfies Record<string, Layout>;
