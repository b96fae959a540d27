import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../errors.ts';
import type { BlobProbe, BlobRef, DataBackend, DeleteOutcome, Patience, PreparedPut } from './data-backend.ts';
import { TransientFailure } from './transient-failure.ts';

/** A request that failed and will be repeated. Plain data, which goes between threads. */
export interface RetryNotice {
  /** Why it failed: one line. */
  reason: string;
  /** How often it was tried. */
  tries: number;
  waitMs: number;
}

/** How long requests are repeated. */
interface RetryPolicy {
  retryForMs: number;
  onRetry(notice: RetryNotice): void;
  /** A number from 0 to below 1, for the jitter. */
  random(): number;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 20_000;
/** Tries at least, however long each takes: a single hung request must not use up the time. */
const LEAST_TRIES = 3;
/** Limit for requests before any work, when a user may be waiting. */
const CHECK_FOR_MS = 3_000;
/**
 * A blob counts as missing only if the server says so again after each of these waits: one wrong
 * answer must not mark a version invalid.
 */
const LOOK_AGAIN_AFTER_MS = [100, 500];

/** Repeats calls that failed with a {@link TransientFailure}, after growing waits. */
export class RetryingBackend implements DataBackend {
  readonly #inner: DataBackend;
  readonly #policy: RetryPolicy;

  constructor(inner: DataBackend, policy: RetryPolicy) {
    this.#inner = inner;
    this.#policy = policy;
  }

  storeIds(patience: Patience, signal?: AbortSignal): Promise<readonly string[] | undefined> {
    const { retryForMs } = this.#policy;
    const forMs = patience === 'short' ? Math.min(CHECK_FOR_MS, retryForMs) : retryForMs;
    return this.#retry(() => this.#inner.storeIds(patience, signal), { forMs, signal });
  }

  createStoreId(id: string): Promise<readonly string[]> {
    return this.#retry(() => this.#inner.createStoreId(id), { forMs: Math.min(CHECK_FOR_MS, this.#policy.retryForMs) });
  }

  put(uid: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#retry(() => this.#inner.put(uid, bytes, signal), { signal });
  }

  async preparePut(uid: string, bytes: Uint8Array): Promise<PreparedPut> {
    const put: PreparedPut = (await this.#inner.preparePut?.(uid, bytes)) ?? ((signal) => this.#inner.put(uid, bytes, signal));
    return (signal) => this.#retry(() => put(signal), { signal });
  }

  flush(): Promise<void> {
    return this.#inner.flush();
  }

  async get(blob: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number | undefined> {
    const look = () => this.#retry(() => this.#inner.get(blob, into, signal), { signal });
    return lookAgain(look, { isMissing: (stored) => stored === undefined, signal });
  }

  probe(uid: string): Promise<BlobProbe> {
    return this.#retry(() => this.#inner.probe(uid));
  }

  find(uid: string, signal: AbortSignal): Promise<BlobProbe> {
    const look = () => this.#retry(() => this.#inner.find(uid, signal), { signal });
    return lookAgain(look, { isMissing: ({ state }) => state === 'missing', signal });
  }

  delete(uids: readonly string[]): Promise<DeleteOutcome> {
    return this.#retry(() => this.#inner.delete(uids));
  }

  async describeKept(): Promise<string | undefined> {
    return this.#inner.describeKept?.();
  }

  async *list(prefix: string, after?: string): AsyncIterable<string> {
    let last = after;
    let listing = this.#inner.list(prefix, last)[Symbol.asyncIterator]();
    for (let failed = false; ; ) {
      const { value, done } = await this.#retry(() => {
        if (failed) listing = this.#inner.list(prefix, last)[Symbol.asyncIterator]();
        failed = true;
        return listing.next();
      });
      failed = false;
      if (done === true) return;
      last = value;
      yield value;
    }
  }

  sweepLeftovers(): Promise<number> {
    return this.#retry(() => this.#inner.sweepLeftovers());
  }

  lockOutWriters(): Promise<void> {
    return this.#inner.lockOutWriters();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #retry<T>(
    attempt: () => Promise<T>,
    { signal, forMs }: { signal?: AbortSignal | undefined; forMs?: number } = {},
  ): Promise<T> {
    const { retryForMs, onRetry, random } = this.#policy;
    const start = performance.now();
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof TransientFailure) || signal?.aborted === true) throw error;
        const waitMs = waitAfter(tries, random());
        const elapsedMs = performance.now() - start;
        if (tries >= LEAST_TRIES && elapsedMs + waitMs > (forMs ?? retryForMs)) throw givenUp(error, tries, elapsedMs);
        onRetry({ reason: error.message, tries, waitMs });
        await sleepUnless(signal, waitMs);
      }
    }
  }
}

/** Asks again if the answer is that a blob is missing. */
async function lookAgain<T>(
  look: () => Promise<T>,
  { isMissing, signal }: { isMissing: (answer: T) => boolean; signal: AbortSignal },
): Promise<T> {
  let answer = await look();
  for (const waitMs of LOOK_AGAIN_AFTER_MS) {
    if (!isMissing(answer)) break;
    await sleepUnless(signal, waitMs);
    answer = await look();
  }
  return answer;
}

/**
 * Doubles with each try. Random between half of that and all, so that clients that failed together
 * do not return together.
 */
function waitAfter(tries: number, random: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)) * (0.5 + random / 2);
}

async function sleepUnless(signal: AbortSignal | undefined, ms: number): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}

function givenUp(error: TransientFailure, tries: number, elapsedMs: number): BackyError {
  const message = `${error.message.replace(/\.$/, '')} (tried ${tries} times in ${Math.round(elapsedMs / 1000)} s).`;
  return new BackyError('dataBackend', message, error.hint === undefined ? { cause: error } : { hint: error.hint, cause: error });
}
