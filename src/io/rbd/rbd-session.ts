import { Worker } from 'node:worker_threads';
import { BackyError, fromPlainError, messageOf } from '../../errors.ts';
import type { RbdOptions } from '../options.ts';
import type { IoHost } from '../shared.ts';
import type { RbdCalls } from './rbd-calls.ts';
import type { Answer, Question } from './rbd-worker.ts';

/** Time for calls that tidy up at the end. */
const ENDING_LIMIT_MS = 10_000;

type Args<K extends keyof RbdCalls> = Parameters<RbdCalls[K]>;
type Result<K extends keyof RbdCalls> = ReturnType<RbdCalls[K]>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A connection to a Ceph cluster, and the thread that waits for it. */
export class RbdSession {
  readonly #host: IoHost;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #isStuck = false;
  /** Why the thread has ended. */
  #failure: unknown;

  private constructor(host: IoHost) {
    this.#host = host;
    this.#worker = new Worker(workerUrl(), { name: 'rbd' });
    this.#worker.on('message', (answer: Answer) => this.#receive(answer));
    this.#worker.on('error', (error) => this.#died(error));
    this.#worker.on('exit', () => this.#died(new Error('it has ended')));
  }

  /** Connects. */
  static async open(options: RbdOptions, host: IoHost): Promise<RbdSession> {
    const session = new RbdSession(host);
    try {
      await session.call('connect', options);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /**
   * Makes a call. Rejects with the signal's reason when the user stops the program; the call then
   * goes on in the background.
   */
  call<K extends keyof RbdCalls>(call: K, ...args: Args<K>): Promise<Result<K>> {
    return this.#call(this.#host.signal, call, args);
  }

  /**
   * Makes a call that tidies up, even after the user has stopped the program. Waits some seconds at
   * most.
   */
  callAtEnd<K extends keyof RbdCalls>(call: K, ...args: Args<K>): Promise<Result<K>> {
    return this.#call(AbortSignal.timeout(ENDING_LIMIT_MS), call, args);
  }

  /** The differences of two snapshots (RbdCalls.diff). */
  diff(place: Args<'diff'>[0], from: string): Promise<Result<'diff'>> {
    return this.#stoppable((stop) => this.call('diff', place, from, stop));
  }

  /** The ranges in use of a snapshot (RbdCalls.inUse). */
  inUse(place: Args<'inUse'>[0]): Promise<Result<'inUse'>> {
    return this.#stoppable((stop) => this.call('inUse', place, stop));
  }

  async #stoppable<T>(call: (stop: SharedArrayBuffer) => Promise<T>): Promise<T> {
    const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const onAbort = () => Atomics.store(new Int32Array(stop), 0, 1);
    this.#host.signal.addEventListener('abort', onAbort);
    try {
      return await call(stop);
    } finally {
      this.#host.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Disconnects, unless the cluster does not answer. MUST be called, with all images closed. */
  async close(): Promise<void> {
    await this.callAtEnd('shutdown').catch(() => {});
    if (this.#isStuck) this.#worker.unref();
  }

  #call<K extends keyof RbdCalls>(signal: AbortSignal, call: K, args: Args<K>): Promise<Result<K>> {
    return new Promise((resolve, reject) => {
      if (this.#isStuck) return reject(notAnswering());
      if (this.#failure !== undefined) return reject(this.#failure);
      if (signal.aborted) return reject(signal.reason);
      const id = this.#nextId++;
      const stopTelling = this.#tellWhileWaiting();
      const giveUp = () => {
        stopTelling();
        reject(signal === this.#host.signal ? signal.reason : notAnswering());
        this.#abandon(id, signal === this.#host.signal ? ABANDONED_LIMIT_MS : 0);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      const done = () => {
        stopTelling();
        signal.removeEventListener('abort', giveUp);
      };
      this.#waiting.set(id, {
        resolve: (value) => {
          done();
          resolve(value as Result<K>);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.#worker.postMessage({ id, call, args } satisfies Question);
    });
  }

  /**
   * Warns about a call that takes long; each further warning waits twice as long. @returns a
   * function that ends this.
   */
  #tellWhileWaiting(): () => void {
    const start = performance.now();
    let timer: NodeJS.Timeout;
    const tellAfter = (ms: number) => {
      timer = setTimeout(() => {
        this.#host.logger.warning(`Waiting for the Ceph cluster for ${Math.round((performance.now() - start) / 1000)} s.`);
        tellAfter(ms * 2);
      }, ms).unref();
    };
    tellAfter(TELL_AFTER_MS);
    return () => clearTimeout(timer);
  }

  /** Gives up on a call. If it goes on, later ones wait behind it. */
  #abandon(id: number, limitMs: number): void {
    const isStuck = () => {
      this.#isStuck = true;
      this.#host.onStuckThreads();
      this.#fail(notAnswering());
    };
    if (limitMs === 0) {
      isStuck();
      return;
    }
    const limit = setTimeout(isStuck, limitMs).unref();
    const over = () => clearTimeout(limit);
    this.#waiting.set(id, { resolve: over, reject: over });
  }

  #receive(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(fromPlainError(answer.error));
    else waiting?.resolve(answer.value);
  }

  #died(error: unknown): void {
    this.#failure ??= new BackyError('io', `The thread that talks to Ceph failed: ${messageOf(error)}`, {
      hint: 'Run it again with -d.',
      cause: error,
    });
    this.#fail(this.#failure);
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Longer than the default wait for monitors, which has an error of its own. */
const TELL_AFTER_MS = 31_000;

/** Time for an abandoned call to end, before the cluster counts as unresponsive. */
const ABANDONED_LIMIT_MS = 2_000;

function notAnswering(): BackyError {
  return new BackyError('io', 'The Ceph cluster does not answer.', { hint: 'Check it with: ceph -s' });
}

/** The program of the thread: beside the bundle, or in the sources. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './rbd-worker.ts' : './rbd-worker.cjs', import.meta.url);
}
