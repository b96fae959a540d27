const PAGE_BITS = 16;
const PAGE = 2 ** PAGE_BITS;

/** A number for each blob, 0 at first: 4 bytes for each blob of a page that is used. */
export class BlobNumbers {
  readonly #pages = new Map<number, Uint32Array>();

  get(blob: number): number {
    return this.#pages.get(Math.floor(blob / PAGE))?.[blob % PAGE] ?? 0;
  }

  set(blob: number, value: number): void {
    this.#page(blob)[blob % PAGE] = value;
  }

  add(blob: number, value: number): void {
    const page = this.#page(blob);
    page[blob % PAGE] = (page[blob % PAGE] ?? 0) + value;
  }

  /** All blobs whose number is not 0, in the order of ids. */
  *entries(): Generator<[blob: number, value: number]> {
    for (const number of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#pages.get(number);
      for (const [i, value] of page?.entries() ?? []) if (value !== 0) yield [number * PAGE + i, value];
    }
  }

  #page(blob: number): Uint32Array {
    const number = Math.floor(blob / PAGE);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new Uint32Array(PAGE);
      this.#pages.set(number, page);
    }
    return page;
  }
}
