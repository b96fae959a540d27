import { alignedBytes } from '../../native/direct-io.ts';

/**
 * Buffers of one size for reuse, the last one given back first: it may still be in the processor's
 * cache.
 */
export class BufferPool {
  readonly #bytes: number;
  readonly #free: Uint8Array[] = [];

  /** `bytes`: the least size of each. Allocates none yet. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /**
   * A buffer that belongs to the caller until {@link give}. Allocates one if all are in use:
   * callers bound their number.
   */
  take(): Uint8Array {
    return this.#free.pop() ?? alignedBytes(this.#bytes);
  }

  give(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }
}
