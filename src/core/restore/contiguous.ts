import type { BlockRange } from '../../model/block-range.ts';

/** Keeps the highest block up to which everything is done, whatever the order of the blocks: what `restore -c` takes. */
export class Contiguous {
  /** Ranges that are done beyond a gap: where each starts, and the id past its end. */
  readonly #ahead = new Map<number, number>();
  #last: number;

  /** @param first the first block that is to be done. */
  constructor(first: number) {
    this.#last = first - 1;
  }

  /** The highest id such that it and all before are done; the one before the first when none is. */
  get last(): number {
    return this.#last;
  }

  /** Notes blocks, none of which was noted before. */
  done({ first, count }: BlockRange): void {
    this.#ahead.set(first, first + count);
    for (let past = this.#ahead.get(this.#last + 1); past !== undefined; past = this.#ahead.get(this.#last + 1)) {
      this.#ahead.delete(this.#last + 1);
      this.#last = past - 1;
    }
  }
}
