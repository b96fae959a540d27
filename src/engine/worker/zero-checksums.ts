import type { HashBatch } from './hash-batch.ts';

/** Checksums of zeros. Old releases, 2.9.5 for one, stored zero blocks like others. */
export class ZeroChecksums {
  readonly #hashes: HashBatch;
  readonly #known = new Map<number, string>();

  constructor(hashes: HashBatch) {
    this.#hashes = hashes;
  }

  /** The checksum of `bytes` zero bytes. Hashes them at the first call for each length. */
  async of(bytes: number): Promise<string> {
    const known = this.#known.get(bytes);
    if (known !== undefined) return known;
    const [checksum = ''] = await this.#hashes.add([new Uint8Array(bytes)]);
    this.#known.set(bytes, checksum);
    return checksum;
  }
}
