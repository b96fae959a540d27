import type { BlockRange } from '../../model/block-range.ts';

/**
 * Keeps the highest id up to which all blocks are done, in whatever order they are: `restore -c`
 * takes it.
 */
export class Contiguous {
  /** Ranges that are done beyond a gap: the first id of each, and the id after its end. */
  readonly #ahead = new Map<number, number>();
  #last: number;

  /** @param first the first block that is to be done. */
  constructor(first: number) {
    this.#last = first - 1;
  }

  /** The highest id up to which all are done; the one before the first if none is. */
  get last(): number {
    return this.#last;
  }

  /** Adds blocks that are done. MUST NOT be called twice for a block. */
  done({ first, count }: BlockRange): void {
    this.#ahead.set(first, first + count);
    for (let past = this.#ahead.get(this.#last + 1); past !== undefined; past = this.#ahead.get(this.#last + 1)) {
      this.#ahead.delete(this.#last + 1);
      this.#last = past - 1;
    }
  }
}
