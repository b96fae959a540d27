/** A transaction may keep others waiting for this long. */
const PIECE_MS = 4_000;
/** Of a long change. */
export const SMALLEST_PIECE = 10_000;

/** Rows of the first piece of a long change. */
export const FIRST_PIECE = 50_000;

/** Rows of the next piece after one of `rows` took `tookMs`: pieces grow while they are fast. */
export function nextPieceSize(rows: number, tookMs: number): number {
  return Math.max(SMALLEST_PIECE, Math.round(rows * Math.min(2, PIECE_MS / Math.max(1, tookMs))));
}
