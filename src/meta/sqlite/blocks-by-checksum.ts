/**
 * After FROM: the rows of `blocks` with a checksum. More conditions can follow. The row has
 * the checksum itself: a query of one table would take it from the index, and with a flipped bit in
 * the rowid of an entry, a blob of another content (see `blocks-by-key.ts`). `+` and CROSS JOIN
 * keep the order of the look-ups.
 */
export const BLOCKS_BY_CHECKSUM = `blocks AS entry CROSS JOIN blocks ON blocks.rowid = entry.rowid
  WHERE entry.checksum = ? AND +blocks.checksum = entry.checksum`;
