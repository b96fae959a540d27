/**
 * What calls in flight work on. koffi does not keep it alive, and memory that is collected under a call is a crash, or another
 * block's bytes.
 */
const pinned = new Set<Uint8Array>();

/** koffi refuses more than 256 calls of a thread. */
const MOST_AT_ONCE = 200;
let inFlight = 0;
const waiting: (() => void)[] = [];

/** Waits for a call that a thread of the pool makes. @param buffer what it works on, kept alive until then. @returns its result. */
export async function settled(buffer: Uint8Array, start: Start): Promise<number> {
  while (inFlight >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  inFlight++;
  // A set knows a buffer once, so that two calls on one would unpin it too early: a view is each call's own.
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

/** Starts a call; `done` is told of its end. */
type Start = (done: (error: unknown, result: number) => void) => void;

function promised(start: Start): Promise<number> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error !== null && error !== undefined) reject(error);
      else resolve(result);
    });
  });
}
