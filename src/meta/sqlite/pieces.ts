import { setTimeout as sleep } from 'node:timers/promises';
import { NoRoomError } from '../no-room.ts';
import { FIRST_PIECE, nextPieceSize, SMALLEST_PIECE } from '../sql/piece-size.ts';
import type { SqliteConnection } from './connection.ts';

/** Pause between two pieces, in which the lock is free. Other writers try to get it more often. */
const PAUSE_MS = 15;

/** How much smaller the next piece is after one that had no room. */
const SMALLER = 8;

/** A part of the staged rows: numbers above `after`, up to `upTo`. */
export interface StagedPiece {
  after: number;
  upTo: number;
}

/** Rows to process. */
interface StagedRows {
  rows: number;
  /**
   * Try again with smaller pieces when the disk is full. `body` MUST then leave nothing behind
   * outside of the database when its transaction fails.
   */
  canShrink?: boolean;
}

/**
 * Processes `rows` staged rows (numbered from 1) in write transactions of bounded time. Larger
 * pieces write each index page fewer times, so pieces grow while they are fast.
 * @param body runs within a transaction; it MUST NOT await.
 */
export async function inPieces(
  connection: SqliteConnection,
  { rows, canShrink = false }: StagedRows,
  body: (piece: StagedPiece) => void,
): Promise<void> {
  let size = FIRST_PIECE;
  for (let after = 0; after < rows; ) {
    if (after > 0) await sleep(PAUSE_MS);
    const left = rows - after;
    const count = left < size * 1.5 ? left : size;
    const piece = { after, upTo: after + count };
    let took: number;
    try {
      took = await connection.write(() => {
        const start = performance.now();
        body(piece);
        return performance.now() - start;
      });
    } catch (error) {
      // A smaller piece needs less room for the journal, which each commit frees.
      if (!(error instanceof NoRoomError) || !canShrink || count === 1) throw error;
      size = Math.ceil(count / SMALLER);
      continue;
    }
    after += count;
    // After a failure, pieces stay small.
    if (size >= SMALLEST_PIECE) size = nextPieceSize(count, took);
  }
}
