import { setTimeout as sleep } from 'node:timers/promises';
import { FIRST_PIECE, nextPieceSize } from '../sql/piece-size.ts';
import type { SqliteConnection } from './connection.ts';

/** Pause between two pieces, in which the lock is free. Other writers try to get it more often. */
const PAUSE_MS = 15;

/** A part of the staged rows: numbers above `after`, up to `upTo`. */
export interface StagedPiece {
  after: number;
  upTo: number;
}

/**
 * Processes `rows` staged rows (numbered from 1) in write transactions of bounded time. Larger
 * pieces write each index page fewer times, so pieces grow while they are fast.
 * @param body runs within a transaction; it MUST NOT await.
 */
export async function inPieces(connection: SqliteConnection, rows: number, body: (piece: StagedPiece) => void): Promise<void> {
  let size = FIRST_PIECE;
  for (let after = 0; after < rows; ) {
    if (after > 0) await sleep(PAUSE_MS);
    const left = rows - after;
    const count = left < size * 1.5 ? left : size;
    const piece = { after, upTo: after + count };
    const took = await connection.write(() => {
      const start = performance.now();
      body(piece);
      return performance.now() - start;
    });
    after += count;
    size = nextPieceSize(count, took);
  }
}
