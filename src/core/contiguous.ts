/** Keeps the highest block up to which everything is done, whatever the order of the blocks: what `restore -c` takes. */
export class Contiguous {
  readonly #ahead = new Set<number>();
  #last: number;

  /** @param first the first block that is to be done. */
  constructor(first: number) {
    this.#last = first - 1;
  }

  /** The highest id such that it and all before are done; the one before the first when none is. */
  get last(): number {
    return this.#last;
  }

  done(ids: Iterable<number>): void {
    for (const id of ids) if (id > this.#last) this.#ahead.add(id);
    while (this.#ahead.delete(this.#last + 1)) this.#last++;
  }
}
