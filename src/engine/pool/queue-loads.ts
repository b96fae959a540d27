/** How full the two sides of a pool are, 0 to 1: of all slots for reading and writing, those whose blocks are being read or wait for it, and those that are being written. */
export interface QueueLoads {
  read: number;
  write: number;
}

/** The shared part: a counter a worker, of its jobs that are at their writes now. */
export function shareWriteCounts(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * Int32Array.BYTES_PER_ELEMENT);
}

/** A worker's counter; main reads it when it shows the status, so that no message tells it. */
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

/** The loads of a pool whose workers hold `jobs` jobs: one for each of the `slots`, and more that wait for one, or for their checksums. */
export function queueLoads(shared: SharedArrayBuffer, jobs: number, slots: number): QueueLoads {
  const writing = new Int32Array(shared).reduce((sum, count) => sum + count, 0);
  return { read: share(Math.min(jobs, slots) - writing, slots), write: share(writing, slots) };
}

function share(count: number, slots: number): number {
  return Math.max(0, Math.min(1, count / slots));
}
