import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Job } from '../../engine/shared/messages.ts';
import { type Hasher, hasherFor } from '../../engine/worker/hasher.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { BlockRow } from '../../model/block.ts';
import { blockLength, type Geometry } from '../../model/geometry.ts';
import type { Context } from '../context.ts';

/** The least number of blocks that are compared. */
const CHECKED_BLOCKS = 10;
const PAGE_ROWS = 500;

/** A source, and how much of it to compare. */
export interface SampleOptions {
  pool: BlockPool;
  geometry: Geometry;
  hashFunction: string;
  /** Percent of the blocks to compare; at least ten blocks are. */
  percent: number;
  /** A number from 0 to below 1. */
  random(): number;
}

/** A block of the sample, and what the source must hold there. */
export interface ExpectedBlock {
  id: number;
  /** Null: zeros. */
  checksum: string | null;
}

/** A block where the source differs. */
export interface SampledBlock {
  id: number;
  /** Bytes. */
  offset: number;
  /** Bytes. */
  length: number;
}

/** The sample that the settings ask for. */
export function sampleOptions({ settings, random }: Context, pool: BlockPool, geometry: Geometry): SampleOptions {
  return { pool, geometry, hashFunction: settings.hashFunction, percent: settings.hintCheckPercent, random };
}

/**
 * Reads blocks of the source and compares them. Stores nothing.
 * @param differs makes the error for the first block that differs.
 */
export async function compareSample(
  options: SampleOptions,
  pages: AsyncIterator<readonly ExpectedBlock[]>,
  differs: (block: SampledBlock) => Error,
): Promise<void> {
  await options.pool.run(new SourceSample(options, pages, differs));
}

class SourceSample implements Operation {
  readonly #options: SampleOptions;
  readonly #pages: AsyncIterator<readonly ExpectedBlock[]>;
  readonly #differs: (block: SampledBlock) => Error;
  #hasher: Hasher | undefined;
  #page: ExpectedBlock[] = [];
  /** Blocks that are being read. */
  readonly #expected = new Map<number, ExpectedBlock>();

  constructor(options: SampleOptions, pages: AsyncIterator<readonly ExpectedBlock[]>, differs: (block: SampledBlock) => Error) {
    this.#options = options;
    this.#pages = pages;
    this.#differs = differs;
  }

  async next(): Promise<Job | undefined> {
    for (;;) {
      const block = this.#page.shift();
      if (block !== undefined) {
        this.#expected.set(block.id, block);
        return { kind: 'read', first: block.id, count: 1 };
      }
      const page = await this.#pages.next();
      if (page.done === true) return undefined;
      this.#page = [...page.value];
    }
  }

  async answered(answer: JobAnswer): Promise<void> {
    if (answer.kind !== 'digested') return;
    const id = answer.first;
    const expected = this.#expected.get(id);
    this.#expected.delete(id);
    const checksum = answer.digests[0] ?? null;
    const { blockSize } = this.#options.geometry;
    const length = blockLength(this.#options.geometry, id);
    if (
      expected === undefined ||
      !(checksum === expected.checksum || (checksum === null && (await this.#isZero(expected, length))))
    ) {
      throw this.#differs({ id, offset: id * blockSize, length });
    }
    this.#options.pool.decide(answer.job, [null]);
  }

  /** Old releases, 2.9.5 for one, stored zero blocks like others. */
  async #isZero({ checksum }: ExpectedBlock, length: number): Promise<boolean> {
    this.#hasher ??= hasherFor(this.#options.hashFunction, null);
    return (await this.#hasher.digest([Buffer.alloc(length)], 'here'))[0] === checksum;
  }
}

/** Bad blocks, and those of another length, are read again in any case. */
export function isComparable(row: BlockRow, geometry: Geometry): boolean {
  return row.valid && row.size === blockLength(geometry, row.id);
}

/** The number of blocks to compare, out of `available`. */
export function sampleSize(available: number, percent: number): number {
  return Math.min(available, Math.max(CHECKED_BLOCKS, Math.ceil((available * percent) / 100)));
}

/** The ids of a sample, in order, in pages. */
export function* sampledPages(set: Bitmap, wanted: number, random: () => number): IterableIterator<number[]> {
  let page: number[] = [];
  for (const id of sampledIds(set, wanted, random)) {
    page.push(id);
    if (page.length < PAGE_ROWS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/**
 * The ids of a sample: half are the first ones, half are random, one from each equal part of the
 * rest.
 */
function* sampledIds(set: Bitmap, wanted: number, random: () => number): IterableIterator<number> {
  const available = set.count();
  const fromStart = Math.ceil(wanted / 2);
  const stretch = (available - fromStart) / (wanted - fromStart);
  const startOf = (n: number) => fromStart + Math.floor((n - fromStart) * stretch);
  const rankOf = (n: number) => (n < fromStart ? n : startOf(n) + Math.floor(random() * (startOf(n + 1) - startOf(n))));
  let n = 0;
  let rank = wanted > 0 ? rankOf(0) : -1;
  let passed = 0;
  for (const { first, count } of set.ranges()) {
    while (n < wanted && rank < passed + count) {
      yield first + rank - passed;
      n++;
      rank = rankOf(n);
    }
    if (n === wanted) return;
    passed += count;
  }
}
