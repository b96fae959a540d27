import type { BlockRange } from '../../model/block-range.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { TakeOverRequest, TakeOverResult } from '../backup-store.ts';
import { lengthOfBlock } from '../sql/block-conditions.ts';
import { addCopied, NOTHING_COPIED } from '../sql/copied-rows.ts';
import { FIRST_PIECE, nextPieceSize } from '../sql/piece-size.ts';
import { sql } from '../sql/statement.ts';
import { countersUpsert } from '../sql/version-steps.ts';
import { INSERT_COLUMNS, rangesTable } from './block-inserts.ts';
import type { PostgresConnection } from './connection.ts';
import type { Session } from './session.ts';

/** Ranges that go into one statement: tens of thousands of small ones would make its text long. */
const PIECE_RANGES = 20_000;

/**
 * See BackupStore.takeOver. A piece is one INSERT SELECT, in the order of ids, which reads the rows
 * of the base and adds the copies at once. No cleanup or scrub judges blobs at the same time: the
 * copy may name what the base names.
 */
export async function takeOver(connection: PostgresConnection, request: TakeOverRequest): Promise<TakeOverResult> {
  const date = toStoredDate(connection.now());
  const queue = new RangeQueue(request.ranges);
  let copied = NOTHING_COPIED;
  for (let size = FIRST_PIECE, ranges = queue.next(size); ranges.length > 0; ranges = queue.next(size)) {
    const start = performance.now();
    const before = copied;
    copied = await connection.write(
      async (session) => {
        const sum = addCopied(before, await copyPiece(session, request, ranges, date));
        await session.run(countersUpsert(request.versionUid, request.counters(sum)));
        return sum;
      },
      { exclusion: 'naming' },
    );
    request.onCopied(copied);
    const rows = ranges.reduce((total, range) => total + range.count, 0);
    size = nextPieceSize(rows, performance.now() - start);
  }
  return copied;
}

async function copyPiece(
  session: Session,
  { baseUid, versionUid, geometry }: TakeOverRequest,
  ranges: readonly BlockRange[],
  date: string,
): Promise<TakeOverResult> {
  // Each range is a part of the primary key. A plan that reads the whole table is based on a wrong
  // estimate of their number.
  await session.script('SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off');
  return session.queryOne<TakeOverResult>(
    sql`WITH taken AS (
       INSERT INTO blocks (${INSERT_COLUMNS})
       SELECT b.uid, ${versionUid}, b.id, ${date}::timestamp, b.checksum, b.size, 1, b.enc_version, b.enc_envkey, b.enc_nonce
       FROM ${rangesTable(ranges)}
       JOIN blocks b ON b.version_uid = ${baseUid} AND b.id >= r.first AND b.id < r.first + r.count
       WHERE b.valid = 1 AND b.size = ${lengthOfBlock(geometry)}
       RETURNING nullif(uid, '') AS uid, size
     )
     SELECT count(*) AS blocks, coalesce(sum(size), 0) AS bytes, count(*) FILTER (WHERE uid IS NULL) AS "sparseBlocks",
            coalesce(sum(size) FILTER (WHERE uid IS NULL), 0) AS "sparseBytes" FROM taken`,
  );
}

/** Cuts ranges into pieces of a number of blocks. */
class RangeQueue {
  readonly #ranges: readonly BlockRange[];
  #at = 0;
  /** Finished blocks of the current range. */
  #done = 0;

  constructor(ranges: readonly BlockRange[]) {
    this.#ranges = ranges;
  }

  /** The next ranges, of up to `blocks` blocks; none at the end. */
  next(blocks: number): BlockRange[] {
    const piece: BlockRange[] = [];
    for (let left = blocks; left > 0 && piece.length < PIECE_RANGES; ) {
      const range = this.#ranges[this.#at];
      if (range === undefined) break;
      const count = Math.min(left, range.count - this.#done);
      piece.push({ first: range.first + this.#done, count });
      left -= count;
      this.#done += count;
      if (this.#done === range.count) {
        this.#at++;
        this.#done = 0;
      }
    }
    return piece;
  }
}
