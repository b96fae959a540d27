import { Bitmap } from '../../model/bitmap.ts';

/** Ids that one set is for: 32 MiB of memory. */
export const MOST_IDS = 2 ** 28;

/** A set of ids of blobs in a range: one bit each, so that 100 million ids take 12 MB. */
export class BlobSet {
  readonly #first: number;
  readonly #bits: Bitmap;

  constructor(first: number, last: number) {
    this.#first = first;
    this.#bits = new Bitmap(last - first + 1);
  }

  has(blob: number): boolean {
    return blob >= this.#first && this.#bits.has(blob - this.#first);
  }

  /** Undefined: the set is empty. */
  lowest(): number | undefined {
    const place = this.#bits.next(0);
    return place < 0 ? undefined : this.#first + place;
  }

  /** `blob` MUST be in the range. */
  add(blob: number): void {
    this.#bits.add(blob - this.#first);
  }

  delete(blob: number): void {
    if (blob >= this.#first) this.#bits.delete(blob - this.#first);
  }
}
