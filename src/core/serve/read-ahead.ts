import type { BlockRange } from '../../model/block-range.ts';

/** Readers that are tracked. Enough for several copying programs with some connections each. */
const MAX_STREAMS = 16;
/** Requests of one reader may arrive out of order within this distance. */
const DISORDER_BYTES = 4 * 1024 * 1024;

/** A reader that reads one block after the other. */
interface Stream {
  /** The block it started with. */
  first: number;
  /** The highest block it has read. */
  last: number;
  /** Blocks it has read in sequence. */
  run: number;
  /** Blocks below this one have been returned for reading ahead. */
  end: number;
}

/** Detects sequential readers, several at once, and predicts which blocks they need next. */
export class ReadAhead {
  readonly #maxBlocks: number;
  readonly #disorder: number;
  /** Least recently active first. */
  readonly #streams: Stream[] = [];

  /** @param maxBlocks to read ahead for one reader. */
  constructor(maxBlocks: number, blockSize: number) {
    this.#maxBlocks = maxBlocks;
    this.#disorder = Math.max(1, Math.floor(DISORDER_BYTES / blockSize));
  }

  /**
   * Notes a read of blocks `first` to `last`.
   * @returns blocks to prefetch, if any. They may reach past the end of the image.
   */
  touch(first: number, last: number): BlockRange | undefined {
    const index = this.#streams.findIndex(
      (stream) => first >= stream.last - this.#disorder && first <= stream.last + 1 + this.#disorder,
    );
    const stream = index < 0 ? this.#start(first) : this.#streams[index];
    if (stream === undefined || last <= stream.last) return undefined;
    if (index >= 0) this.#streams.push(...this.#streams.splice(index, 1));
    stream.run += last - stream.last;
    stream.last = last;
    if (stream.run < 2) return undefined;
    const depth = Math.min(this.#maxBlocks, 2 ** Math.min(stream.run, 30));
    const from = Math.max(stream.end, last + 1);
    const goal = last + 1 + depth;
    const end = Math.min(goal, this.#nextStart(last));
    // Prefetch many blocks at a time: they share jobs and are hashed in parallel.
    if (end <= from || (end === goal && end - from < depth / 2)) return undefined;
    stream.end = end;
    return { first: from, count: end - from };
  }

  /** True when a sequential reader has passed a block. */
  isPassed(id: number): boolean {
    return this.#streams.some(({ last, run }) => run >= 2 && id <= last && id > last - run);
  }

  /**
   * Returns where the next reader started. Programs that copy an image in parallel parts read each
   * part once.
   */
  #nextStart(last: number): number {
    const starts = this.#streams.filter(({ first, run }) => run >= 2 && first > last).map(({ first }) => first);
    return Math.min(Number.POSITIVE_INFINITY, ...starts);
  }

  #start(first: number): Stream {
    const stream = { first, last: first - 1, run: 0, end: 0 };
    this.#streams.push(stream);
    if (this.#streams.length > MAX_STREAMS) this.#streams.shift();
    return stream;
  }
}
