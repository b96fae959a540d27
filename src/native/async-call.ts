/** koffi refuses more than 256 calls per thread. */
const MOST_AT_ONCE = 200;

/** The calls in flight of a thread. */
class CallsInFlight {
  /**
   * Their buffers. koffi does not keep them alive, and memory that is collected during a call means
   * a crash, or another block's bytes.
   */
  readonly #pinned = new Set<Uint8Array>();
  readonly #waiting: (() => void)[] = [];

  async settled(buffer: Uint8Array, start: Start): Promise<number> {
    while (this.#pinned.size >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    // A view for each call: a set has a buffer once, so two calls on one would release it too
    // early.
    const view = buffer.subarray();
    this.#pinned.add(view);
    try {
      return await promised(start);
    } finally {
      this.#pinned.delete(view);
      this.#waiting.shift()?.();
    }
  }
}

/** One for the thread, as koffi's limit is: sources and targets share it. */
const calls = new CallsInFlight();

/**
 * Waits for a call in a thread of libuv's pool. @param buffer of the call, kept alive until then.
 * @returns its result.
 */
export function settled(buffer: Uint8Array, start: Start): Promise<number> {
  return calls.settled(buffer, start);
}

/** Starts a call; `done` is called at its end. */
type Start = (done: (error: unknown, result: number) => void) => void;

function promised(start: Start): Promise<number> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error !== null && error !== undefined) reject(error);
      else resolve(result);
    });
  });
}
