/** The shared part of the {@link WriteCount}s of a pool: one counter a worker. */
export function shareWriteCounts(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Counts a worker's jobs that are writing now. Main reads it when it shows the status, without a
 * message.
 */
export class WriteCount {
  readonly #counts: Int32Array<SharedArrayBuffer>;
  readonly #worker: number;

  constructor(shared: SharedArrayBuffer, worker: number) {
    this.#counts = new Int32Array(shared);
    this.#worker = worker;
  }

  /** Counts while `work` runs. */
  async during<T>(work: () => T | Promise<T>): Promise<T> {
    Atomics.add(this.#counts, this.#worker, 1);
    try {
      return await work();
    } finally {
      Atomics.sub(this.#counts, this.#worker, 1);
    }
  }
}
