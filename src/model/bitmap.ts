import type { BlockRange } from './block-range.ts';

/** A set of block ids below a fixed size: one bit each, so that 50 million blocks take 6 MiB. */
export class Bitmap {
  readonly size: number;
  readonly #words: Uint32Array;

  /** Contains no ids, or with `full` all from 0 to `size - 1`. */
  constructor(size: number, full = false) {
    this.size = size;
    this.#words = new Uint32Array(Math.ceil(size / 32));
    if (full) this.addRange(0, size);
  }

  has(id: number): boolean {
    return id < this.size && (((this.#words[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
  }

  add(id: number): void {
    if (id < this.size) this.#words[id >>> 5] = (this.#words[id >>> 5] ?? 0) | (1 << (id & 31));
  }

  delete(id: number): void {
    if (id < this.size) this.#words[id >>> 5] = (this.#words[id >>> 5] ?? 0) & ~(1 << (id & 31));
  }

  /** Adds `first … end - 1`, cut to the size. */
  addRange(first: number, end: number): void {
    this.#eachWord(first, end, (word, mask) => {
      this.#words[word] = (this.#words[word] ?? 0) | mask;
    });
  }

  /** Removes `first … end - 1`. */
  deleteRange(first: number, end: number): void {
    this.#eachWord(first, end, (word, mask) => {
      this.#words[word] = (this.#words[word] ?? 0) & ~mask;
    });
  }

  /** The number of ids in the set. */
  count(): number {
    let count = 0;
    for (const word of this.#words) count += bitsIn(word);
    return count;
  }

  /** The first id in the set at or above `from`, or -1. */
  next(from: number): number {
    return this.#find(from, 0);
  }

  /** The first run of ids at or above `from`, cut to `limit` ids; undefined when there is none. */
  nextRange(from: number, limit = Number.POSITIVE_INFINITY): BlockRange | undefined {
    const first = this.next(from);
    if (first < 0) return undefined;
    const end = this.#find(first, 0xffffffff);
    return { first, count: Math.min((end < 0 ? this.size : end) - first, limit) };
  }

  /** All runs of ids, in order. */
  *ranges(): IterableIterator<BlockRange> {
    for (let range = this.nextRange(0); range !== undefined; range = this.nextRange(range.first + range.count)) yield range;
  }

  /**
   * The first id at or above `from` whose bit differs from those of `flip` (0: is set; all ones: is
   * clear).
   */
  #find(from: number, flip: number): number {
    for (let word = from >>> 5, skip = from & 31; word < this.#words.length; word++, skip = 0) {
      const bits = (((this.#words[word] ?? 0) ^ flip) >>> skip) << skip;
      if (bits === 0) continue;
      const id = word * 32 + 31 - Math.clz32(bits & -bits);
      return id < this.size ? id : -1;
    }
    return -1;
  }

  #eachWord(first: number, end: number, change: (word: number, mask: number) => void): void {
    const stop = Math.min(end, this.size);
    for (let id = first; id < stop; ) {
      const from = id & 31;
      const to = Math.min(32, from + stop - id);
      const mask = (to - from === 32 ? 0xffffffff : ((1 << (to - from)) - 1) << from) >>> 0;
      change(id >>> 5, mask);
      id += to - from;
    }
  }
}

/** How many bits of a word of 32 are set. */
export function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
