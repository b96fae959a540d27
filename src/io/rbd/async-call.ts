/**
 * Buffers of calls in flight. koffi does not keep them alive, and memory that is collected during a
 * call means a crash, or another block's bytes.
 */
const pinned = new Set<Uint8Array>();

/** koffi refuses more than 256 calls per thread. */
const MOST_AT_ONCE = 200;
let inFlight = 0;
const waiting: (() => void)[] = [];

/**
 * Waits for a call in a thread of libuv's pool. @param buffer of the call, kept alive until then.
 * @returns its result.
 */
export async function settled(buffer: Uint8Array, start: Start): Promise<number> {
  while (inFlight >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  inFlight++;
  // A view for each call: a set has a buffer once, so two calls on one would release it too early.
  const view = buffer.subarray();
  pinned.add(view);
  try {
    return await promised(start);
  } finally {
    pinned.delete(view);
    inFlight--;
    waiting.shift()?.();
  }
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
