import type { BlockRange } from '../../model/block-range.ts';

/** Readers that are followed at once. More than there are copying programs with several connections; beyond that the oldest is forgotten. */
const STREAMS = 16;
/** Requests of one reader may overtake each other by so many bytes. */
const DISORDER_BYTES = 4 * 1024 * 1024;

/** Somebody who reads one block after the other. */
interface Stream {
  /** The block that it began with. */
  first: number;
  /** The highest block that was read. */
  last: number;
  /** How many were read in a row. */
  run: number;
  /** Blocks below this one were named for reading ahead. */
  end: number;
}

/** Recognises who reads in order, several at once, and says which blocks will be wanted next. */
export class ReadAhead {
  readonly #most: number;
  readonly #disorder: number;
  /** The one that moved last at the end. */
  readonly #streams: Stream[] = [];

  /** `most`: blocks that one reader may be ahead. */
  constructor(most: number, blockSize: number) {
    this.#most = most;
    this.#disorder = Math.max(1, Math.floor(DISORDER_BYTES / blockSize));
  }

  /** Notes that blocks `first` to `last` are read. @returns blocks to fetch, which may reach past the end of the image; mostly none. */
  touch(first: number, last: number): BlockRange | undefined {
    const index = this.#streams.findIndex(
      (stream) => first >= stream.last - this.#disorder && first <= stream.last + 1 + this.#disorder,
    );
    const stream = index < 0 ? this.#begin(first) : this.#streams[index];
    if (stream === undefined || last <= stream.last) return undefined;
    if (index >= 0) this.#streams.push(...this.#streams.splice(index, 1));
    stream.run += last - stream.last;
    stream.last = last;
    if (stream.run < 2) return undefined;
    const depth = Math.min(this.#most, 2 ** Math.min(stream.run, 30));
    const from = Math.max(stream.end, last + 1);
    const goal = last + 1 + depth;
    const end = Math.min(goal, this.#nextBegin(last));
    // Many at a time: they travel, and are hashed, together.
    if (end <= from || (end === goal && end - from < depth / 2)) return undefined;
    stream.end = end;
    return { first: from, count: end - from };
  }

  /** True when a block is one of those that somebody has read one after the other. */
  isPassed(id: number): boolean {
    return this.#streams.some(({ last, run }) => run >= 2 && id <= last && id > last - run);
  }

  /** Where somebody else has begun further on: those who copy an image by several pieces at once read each of them once. */
  #nextBegin(last: number): number {
    const begins = this.#streams.filter(({ first, run }) => run >= 2 && first > last).map(({ first }) => first);
    return Math.min(Number.POSITIVE_INFINITY, ...begins);
  }

  #begin(first: number): Stream {
    const stream = { first, last: first - 1, run: 0, end: 0 };
    this.#streams.push(stream);
    if (this.#streams.length > STREAMS) this.#streams.shift();
    return stream;
  }
}
