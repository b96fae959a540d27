import { setTimeout as sleep } from 'node:timers/promises';

/** The part of a {@link Gate} that threads share: free passes, and when the next byte may go. */
export interface SharedGate {
  /** One number: the free passes. Undefined when there are never more users than passes. */
  passes: SharedArrayBuffer | undefined;
  /** One number: the time in ns at which the bandwidth is free again. */
  freeAt: SharedArrayBuffer;
  /** 0 is unlimited. */
  bytesPerSecond: number;
}

/**
 * A waiter looks again after this time without a wake-up: the thread that was woken may have died.
 */
const RECHECK_MS = 200;

/**
 * Makes the shared part. `users`: operations that may ever want to pass at once; with a `limit` as
 * high, all pass.
 */
export function shareGate(limit: number, bytesPerSecond: number, users: number): SharedGate {
  const passes = limit >= users ? undefined : new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  if (passes !== undefined) new Int32Array(passes)[0] = limit;
  return { passes, freeAt: new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT), bytesPerSecond };
}

/** Limits the operations at once and the bytes per second, over all threads that share it. */
export class Gate {
  readonly #passes: Int32Array<SharedArrayBuffer> | undefined;
  readonly #freeAt: BigInt64Array<SharedArrayBuffer>;
  readonly #bytesPerSecond: number;
  /**
   * Operations of this thread that wait for a pass; `#last` settles when the last of them has one.
   */
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(shared: SharedGate) {
    this.#passes = shared.passes === undefined ? undefined : new Int32Array(shared.passes);
    this.#freeAt = new BigInt64Array(shared.freeAt);
    this.#bytesPerSecond = shared.bytesPerSecond;
  }

  /**
   * Runs `operation`, which moves `bytes`, when it may. Rejects when `signal` aborts before. If it
   * need not wait, `operation` has begun when this returns, and its result is returned as it is: on
   * the hot path, the event loop does not turn between a read and its checksum.
   */
  run<T>(bytes: number, signal: AbortSignal, operation: () => T | Promise<T>): T | Promise<T> {
    if (this.#bytesPerSecond > 0) return this.#waitAndRun(bytes, signal, operation);
    if (this.#passes === undefined) return operation();
    if (signal.aborted || this.#waiting > 0 || !this.#tryEnter(this.#passes)) return this.#waitAndRun(bytes, signal, operation);
    return this.#leaveAfter(operation);
  }

  #leaveAfter<T>(operation: () => T | Promise<T>): T | Promise<T> {
    let result: T | Promise<T> | undefined;
    try {
      result = operation();
      return result instanceof Promise ? result.finally(() => this.#leave()) : result;
    } finally {
      if (!(result instanceof Promise)) this.#leave();
    }
  }

  async #waitAndRun<T>(bytes: number, signal: AbortSignal, operation: () => T | Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      await this.#pace(bytes, signal);
      return await operation();
    } finally {
      this.#leave();
    }
  }

  /**
   * First come, first served within a thread; only its first competes with those of other threads,
   * so that none starves.
   */
  async #enter(signal: AbortSignal): Promise<void> {
    const passes = this.#passes;
    if (passes === undefined) return;
    const before = this.#last;
    let leaveLine = (): void => {};
    this.#last = new Promise((resolve) => {
      leaveLine = resolve;
    });
    this.#waiting++;
    try {
      await before;
      for (;;) {
        signal.throwIfAborted();
        if (this.#tryEnter(passes)) return;
        await Atomics.waitAsync(passes, 0, 0, RECHECK_MS).value;
      }
    } finally {
      this.#waiting--;
      leaveLine();
    }
  }

  #tryEnter(passes: Int32Array<SharedArrayBuffer>): boolean {
    for (;;) {
      const free = Atomics.load(passes, 0);
      if (free <= 0) return false;
      if (Atomics.compareExchange(passes, 0, free, free - 1) === free) return true;
    }
  }

  #leave(): void {
    if (this.#passes === undefined) return;
    Atomics.add(this.#passes, 0, 1);
    Atomics.notify(this.#passes, 0, 1);
  }

  /** Reserves the next free time for `bytes`, and waits for its start. */
  async #pace(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    const takes = BigInt(Math.ceil((bytes / this.#bytesPerSecond) * 1e9));
    for (;;) {
      const now = process.hrtime.bigint();
      const freeAt = Atomics.load(this.#freeAt, 0);
      const start = freeAt > now ? freeAt : now;
      if (Atomics.compareExchange(this.#freeAt, 0, freeAt, start + takes) !== freeAt) continue;
      if (start > now) await sleep(Number(start - now) / 1e6, undefined, { signal });
      return;
    }
  }
}
