/** Buffers of one size that go from hand to hand, the last one back first: its bytes are still in the processor's cache. */
export class BufferPool {
  readonly #bytes: number;
  readonly #free: Uint8Array[] = [];

  /** `bytes`: the size of each. Makes none yet. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** A buffer that is nobody else's until {@link give}. A new one when all are in use: whoever takes them bounds how many there are. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.#bytes);
  }

  give(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }
}
