import type { BlobRanks } from './blob-ranks.ts';

/** Uses of a blob: all, and those of one version. */
export interface UsesOfBlob {
  uses: number;
  own: number;
  /** Bytes of the plain block. */
  size: number;
}

/** Counts uses of some of the numbered blobs: 12 bytes of memory for each. */
export class BlobUses {
  readonly #ranks: BlobRanks;
  readonly #from: number;
  readonly #uses: Uint32Array;
  readonly #own: Uint32Array;
  /** Places of the blobs that the version has. */
  readonly #touched: Uint32Array;
  #blobs = 0;
  /** Of blobs of the version whose size is not the block size. */
  readonly #sizes = new Map<number, number>();

  /** @param from the first number, and how many. */
  constructor(ranks: BlobRanks, from: number, count: number) {
    this.#ranks = ranks;
    this.#from = from;
    this.#uses = new Uint32Array(count);
    this.#own = new Uint32Array(count);
    this.#touched = new Uint32Array(count);
  }

  /** Counts uses by any versions. */
  add(blob: number, times: number): void {
    const place = this.#placeOf(blob);
    if (place >= 0) this.#uses[place] = (this.#uses[place] as number) + times;
  }

  /** Counts a use by the version at hand. @param size undefined: the block size. */
  addOwn(blob: number, size: number | undefined): void {
    const place = this.#placeOf(blob);
    if (place < 0) return;
    const own = this.#own[place] as number;
    if (own === 0) this.#touched[this.#blobs++] = place;
    this.#own[place] = own + 1;
    if (size !== undefined) this.#sizes.set(place, size);
  }

  /** Gives the blobs of the version at hand, and begins with the next version. */
  *take(blockSize: number): Generator<UsesOfBlob> {
    for (let i = 0; i < this.#blobs; i++) {
      const place = this.#touched[i] as number;
      const own = this.#own[place] as number;
      this.#own[place] = 0;
      // A version that was added after the count may name more of them.
      yield { own, uses: Math.max(this.#uses[place] as number, own), size: this.#sizes.get(place) ?? blockSize };
    }
    this.#blobs = 0;
    this.#sizes.clear();
  }

  /** Bytes of memory, without those for blobs of other sizes. */
  get bytes(): number {
    return this.#uses.byteLength + this.#own.byteLength + this.#touched.byteLength;
  }

  #placeOf(blob: number): number {
    const rank = this.#ranks.of(blob);
    return rank < this.#from || rank >= this.#from + this.#uses.length ? -1 : rank - this.#from;
  }
}
