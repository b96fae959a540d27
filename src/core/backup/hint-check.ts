import type { JobAnswer, Operation, WorkerPool } from '../../engine/worker-pool.ts';
import { BackyError } from '../../errors.ts';
import type { Geometry, MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../meta/types.ts';
import type { Bitmap } from '../plan/bitmap.ts';

/** The least number of untouched blocks that are compared with the base version. */
const CHECKED_BLOCKS = 10;

/** What the check works with. */
export interface HintCheckOptions {
  pool: WorkerPool;
  meta: MetaStore;
  baseUid: string;
  geometry: Geometry;
  /** The blocks that are to be taken over. */
  take: Bitmap;
  /** Percent of them to compare; at least ten blocks either way. */
  percent: number;
  /** A number from 0 to below 1. */
  random(): number;
}

/**
 * Reads a sample of the blocks that the hints leave out and compares them with the base version. The hints may be of another
 * image or another snapshot: then nothing has been stored yet. A difference is a BackyError `hintsMismatch`.
 */
export async function checkHintsAgainstBase(options: HintCheckOptions): Promise<void> {
  const ids = sample(options.take, options.percent, options.random);
  const rows = await options.meta.blocksById(options.baseUid, ids);
  const check = new HintCheck(
    options,
    rows.filter((row) => isComparable(row, options.geometry)),
  );
  await options.pool.run(check);
}

/** Other base rows are read again in any case. */
function isComparable(row: BlockRow, geometry: Geometry): boolean {
  return row.valid && row.size === Math.min(geometry.blockSize, geometry.sizeBytes - row.id * geometry.blockSize);
}

class HintCheck implements Operation {
  readonly #options: HintCheckOptions;
  readonly #left: BlockRow[];
  readonly #expected: Map<number, BlockRow>;

  constructor(options: HintCheckOptions, rows: BlockRow[]) {
    this.#options = options;
    this.#left = [...rows];
    this.#expected = new Map(rows.map((row) => [row.id, row]));
  }

  next() {
    const row = this.#left.shift();
    return row === undefined ? undefined : { kind: 'read' as const, first: row.id, count: 1 };
  }

  answered(answer: JobAnswer): void {
    if (answer.kind !== 'digested') return;
    const row = this.#expected.get(answer.first);
    const checksum = answer.digests[0] ?? null;
    if (row === undefined || checksum !== row.checksum) {
      const offset = answer.first * this.#options.geometry.blockSize;
      throw new BackyError(
        'hintsMismatch',
        `Source and backup don't match in regions outside of the hints: wrong source data at block ${answer.first}, offset ${offset}, length ${row?.size ?? 0}.`,
        {
          hint: 'Looks like the hints or the base version belong to another source. Nothing was stored. Back up without hints.',
        },
      );
    }
    this.#options.pool.decide(answer.job, [null]);
  }
}

/** Ids to compare: half from the start of the set, half random. */
function sample(take: Bitmap, percent: number, random: () => number): number[] {
  const available = take.count();
  const wanted = Math.min(available, Math.max(CHECKED_BLOCKS, Math.ceil((available * percent) / 100)));
  const ranks = new Set<number>();
  for (let rank = 0; rank < Math.ceil(wanted / 2); rank++) ranks.add(rank);
  while (ranks.size < wanted) ranks.add(Math.floor(random() * available));
  return idsOfRanks(
    take,
    [...ranks].sort((a, b) => a - b),
  );
}

/** The ids at these (sorted) places of the set, in one pass. */
function idsOfRanks(take: Bitmap, ranks: readonly number[]): number[] {
  const ids: number[] = [];
  let passed = 0;
  let next = 0;
  for (const { first, count } of take.ranges()) {
    for (let rank = ranks[next]; rank !== undefined && rank < passed + count; rank = ranks[++next])
      ids.push(first + rank - passed);
    passed += count;
    if (next === ranks.length) break;
  }
  return ids;
}
