import { fillNullBlock, numberNullBlock } from '../../model/null-block.ts';
import type { Source } from '../source.ts';
import type { Target } from '../target.ts';

/** Made-up data for benchmarks: block `i` is its number as 16 bytes little-endian, then spaces. */
export class NullSource implements Source {
  readonly sizeBytes: number;
  readonly #blockSize: number;
  /** Buffers that have their spaces already, so that only the numbers are written. */
  readonly #prepared = new WeakMap<ArrayBufferLike, string>();

  constructor(sizeBytes: number, blockSize: number) {
    this.sizeBytes = sizeBytes;
    this.#blockSize = blockSize;
  }

  /** `offset` MUST be the start of a block. */
  read(into: Uint8Array, offset: number): undefined {
    const fresh = this.#prepared.get(into.buffer) !== keyOf(into);
    for (let done = 0; done < into.length; done += this.#blockSize) {
      const block = into.subarray(done, done + this.#blockSize);
      (fresh ? fillNullBlock : numberNullBlock)(block, (offset + done) / this.#blockSize);
    }
    this.#prepared.set(into.buffer, keyOf(into));
  }

  isHole(): boolean {
    return false;
  }

  async close(): Promise<void> {}
}

function keyOf(view: Uint8Array): string {
  return `${view.byteOffset}+${view.length}`;
}

/** Drops everything. For benchmarks. */
export class NullTarget implements Target {
  async write(): Promise<void> {}
  async writeZeros(): Promise<void> {}
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}
