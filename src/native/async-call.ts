/** Where a call is made: `here`, which blocks the thread, or in a thread of libuv's pool. */
export type CallThread = 'here' | 'pool';

/** koffi refuses more than 256 calls per thread. */
const MOST_AT_ONCE = 200;

/** The calls in flight of a thread. */
class CallsInFlight {
  /**
   * Their buffers, in an object for each call. koffi does not keep them alive, and memory that is
   * collected during a call means a crash, or another block's bytes.
   */
  readonly #pinned = new Set<{ buffers: Buffers }>();
  readonly #waiting: (() => void)[] = [];

  async settled(buffers: Buffers, start: Start): Promise<number> {
    while (this.#pinned.size >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const call = { buffers };
    this.#pinned.add(call);
    try {
      return await promised(start);
    } finally {
      this.#pinned.delete(call);
      this.#waiting.shift()?.();
    }
  }
}

/** One for the thread, as koffi's limit is: sources and targets share it. */
const calls = new CallsInFlight();

/** Memory that a call uses. */
type Buffers = Uint8Array | readonly Uint8Array[];

/**
 * Waits for a call in a thread of libuv's pool. @param buffers of the call, kept alive until then.
 * @returns its result.
 */
export function settled(buffers: Buffers, start: Start): Promise<number> {
  return calls.settled(buffers, start);
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
