import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../errors.ts';
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
export interface RetryPolicy {
  retryForMs: number;
  onRetry(notice: RetryNotice): void;
  /** A number from 0 to below 1, for the jitter. */
  random(): number;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 20_000;
/** Tries at least, however long each takes: a single hung request must not use up the time. */
const LEAST_TRIES = 3;
/**
 * A blob counts as missing only if the server says so again after each of these waits: one wrong
 * answer must not mark a version invalid.
 */
const LOOK_AGAIN_AFTER_MS = [100, 500];

/** Repeats calls that failed with a {@link TransientFailure}, after growing waits. */
export class Retrier {
  readonly #policy: RetryPolicy;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** `forMs`: how long, if not as long as for any request. */
  async retry<T>(
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

  /** Asks again if the answer is that something is missing. */
  async retryMissing<T>(attempt: () => Promise<T>, { isMissing, signal }: MissingOptions<T>): Promise<T> {
    const look = () => this.retry(attempt, { signal });
    let answer = await look();
    for (const waitMs of LOOK_AGAIN_AFTER_MS) {
      if (!isMissing(answer)) break;
      await sleepUnless(signal, waitMs);
      answer = await look();
    }
    return answer;
  }

  /** Goes on with a listing behind the last name that it gave. */
  async *list(start: (after: string | undefined) => AsyncIterable<string>, after?: string): AsyncIterable<string> {
    let last = after;
    let listing = start(last)[Symbol.asyncIterator]();
    for (let failed = false; ; ) {
      const { value, done } = await this.retry(() => {
        if (failed) listing = start(last)[Symbol.asyncIterator]();
        failed = true;
        return listing.next();
      });
      failed = false;
      if (done === true) return;
      last = value;
      yield value;
    }
  }
}

/** How {@link Retrier.retryMissing} asks. */
interface MissingOptions<T> {
  isMissing(answer: T): boolean;
  signal: AbortSignal | undefined;
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
