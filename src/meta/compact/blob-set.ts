import { Bitmap } from '../../model/bitmap.ts';

/** Ids that one search is for: 32 MiB of memory if there are as many blobs. */
export const MOST_IDS = 2 ** 28;

/** Ids of a page: 128 KiB of memory. */
const PAGE = 2 ** 20;

/** A set of ids of blobs: one bit each, so that 100 million ids take 12 MB. */
export class BlobSet {
  readonly #pages = new Map<number, Bitmap>();
  /** The page of the last call, and its first id: the next one is often for the same. */
  #page: Bitmap | undefined;
  #start = -PAGE;

  has(blob: number): boolean {
    this.#turnTo(blob);
    return this.#page?.has(blob - this.#start) ?? false;
  }

  add(blob: number): void {
    this.#turnTo(blob);
    if (this.#page === undefined) {
      this.#page = new Bitmap(PAGE);
      this.#pages.set(this.#start, this.#page);
    }
    this.#page.add(blob - this.#start);
  }

  /** Also ids that are none, such as those of missing blocks. */
  delete(blob: number): void {
    if (blob <= 0) return;
    this.#turnTo(blob);
    this.#page?.delete(blob - this.#start);
  }

  /** Undefined: the set is empty. */
  lowest(): number | undefined {
    for (const blob of this.between(0, Number.POSITIVE_INFINITY)) return blob;
    return undefined;
  }

  /** Those from `first` to `last`, in their order. */
  *between(first: number, last: number): Generator<number> {
    for (const start of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#pages.get(start);
      if (page === undefined || start + PAGE <= first || start > last) continue;
      for (let place = page.next(Math.max(0, first - start)); place >= 0; place = page.next(place + 1)) {
        if (start + place > last) return;
        yield start + place;
      }
    }
  }

  #turnTo(blob: number): void {
    if (blob >= this.#start && blob < this.#start + PAGE) return;
    this.#start = blob - (blob % PAGE);
    this.#page = this.#pages.get(this.#start);
  }
}
