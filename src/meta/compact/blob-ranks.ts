import { bitsIn } from '../../model/bitmap.ts';

/** Words of bits whose numbers are counted together. */
const GROUP_WORDS = 4;

/**
 * Numbers some of the blobs of a range, in the order of ids: 10 bits of memory for each 8 ids, so
 * that 100 million ids take 16 MB.
 */
export class BlobRanks {
  /** Blobs that are numbered. Known once {@link number} was called. */
  count = 0;
  readonly #first: number;
  readonly #last: number;
  readonly #words: Uint32Array;
  /** The numbers of the first blobs of groups. */
  readonly #before: Uint32Array;

  /** The range, of less than 2^31 ids. */
  constructor(first: number, last: number) {
    const words = Math.ceil((last - first + 1) / 32);
    this.#first = first;
    this.#last = last;
    this.#words = new Uint32Array(words);
    this.#before = new Uint32Array(Math.ceil(words / GROUP_WORDS));
  }

  /** Adds a blob, unless it is not in the range. MUST come before {@link number}. */
  add(blob: number): void {
    if (blob < this.#first || blob > this.#last) return;
    const place = blob - this.#first;
    this.#words[place >>> 5] = (this.#words[place >>> 5] as number) | (1 << (place & 31));
  }

  /** Numbers the blobs that were added, from 0. */
  number(): void {
    this.count = 0;
    for (const [i, word] of this.#words.entries()) {
      if (i % GROUP_WORDS === 0) this.#before[i / GROUP_WORDS] = this.count;
      this.count += bitsIn(word);
    }
  }

  /** The number of a blob; -1 if it was not added. */
  of(blob: number): number {
    if (blob < this.#first || blob > this.#last) return -1;
    const place = blob - this.#first;
    const at = place >>> 5;
    const word = this.#words[at] as number;
    const bit = 1 << (place & 31);
    if ((word & bit) === 0) return -1;
    let rank = (this.#before[Math.floor(at / GROUP_WORDS)] as number) + bitsIn(word & (bit - 1));
    for (let i = at - (at % GROUP_WORDS); i < at; i++) rank += bitsIn(this.#words[i] as number);
    return rank;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#words.byteLength + this.#before.byteLength;
  }
}
