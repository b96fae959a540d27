import type { BlockPool } from '../../engine/block-pool.ts';
import { type Hasher, hasherFor } from '../../engine/hasher.ts';
import type { Job } from '../../engine/messages.ts';
import type { JobAnswer, Operation } from '../../engine/operation.ts';
import { BackyError } from '../../errors.ts';
import type { Geometry, MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../meta/types.ts';
import type { Bitmap } from '../plan/bitmap.ts';

/** The least number of untouched blocks that are compared with the base version. */
const CHECKED_BLOCKS = 10;
const PAGE_ROWS = 500;

/** What the check works with. */
export interface HintCheckOptions {
  pool: BlockPool;
  meta: MetaStore;
  baseUid: string;
  geometry: Geometry;
  hashFunction: string;
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
  await options.pool.run(new HintCheck(options));
}

/** Other base rows are read again in any case. */
function isComparable(row: BlockRow, geometry: Geometry): boolean {
  return row.valid && row.size === Math.min(geometry.blockSize, geometry.sizeBytes - row.id * geometry.blockSize);
}

class HintCheck implements Operation {
  readonly #options: HintCheckOptions;
  readonly #ids: Iterator<number>;
  #hasher: Hasher | undefined;
  #page: BlockRow[] = [];
  /** Base rows of blocks that are being read. */
  readonly #expected = new Map<number, BlockRow>();

  constructor(options: HintCheckOptions) {
    this.#options = options;
    this.#ids = sampledIds(options.take, options.percent, options.random);
  }

  async next(): Promise<Job | undefined> {
    for (;;) {
      const row = this.#page.shift();
      if (row !== undefined) {
        this.#expected.set(row.id, row);
        return { kind: 'read', first: row.id, count: 1 };
      }
      const ids = this.#nextIds();
      if (ids.length === 0) return undefined;
      const rows = await this.#options.meta.blocksById(this.#options.baseUid, ids);
      this.#page = rows.filter((base) => isComparable(base, this.#options.geometry));
    }
  }

  #nextIds(): number[] {
    const ids: number[] = [];
    for (let next = this.#ids.next(); next.done !== true; next = this.#ids.next()) {
      ids.push(next.value);
      if (ids.length === PAGE_ROWS) break;
    }
    return ids;
  }

  answered(answer: JobAnswer): void {
    if (answer.kind !== 'digested') return;
    const row = this.#expected.get(answer.first);
    this.#expected.delete(answer.first);
    const checksum = answer.digests[0] ?? null;
    if (row === undefined || !(checksum === row.checksum || (checksum === null && this.#isZero(row)))) {
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

  /** Old releases, 2.9.5 for one, stored blocks of zeros like others. */
  #isZero({ checksum, size }: BlockRow): boolean {
    this.#hasher ??= hasherFor(this.#options.hashFunction, null);
    return this.#hasher.digest([Buffer.alloc(size)])[0] === checksum;
  }
}

/** Ids to compare, in order: half from the start of the set, half drawn at random, one from each of as many equal stretches of the rest. */
function* sampledIds(take: Bitmap, percent: number, random: () => number): IterableIterator<number> {
  const available = take.count();
  const wanted = Math.min(available, Math.max(CHECKED_BLOCKS, Math.ceil((available * percent) / 100)));
  const fromStart = Math.ceil(wanted / 2);
  const stretch = (available - fromStart) / (wanted - fromStart);
  const startOf = (n: number) => fromStart + Math.floor((n - fromStart) * stretch);
  const rankOf = (n: number) => (n < fromStart ? n : startOf(n) + Math.floor(random() * (startOf(n + 1) - startOf(n))));
  let n = 0;
  let rank = wanted > 0 ? rankOf(0) : -1;
  let passed = 0;
  for (const { first, count } of take.ranges()) {
    while (n < wanted && rank < passed + count) {
      yield first + rank - passed;
      n++;
      rank = rankOf(n);
    }
    if (n === wanted) return;
    passed += count;
  }
}
