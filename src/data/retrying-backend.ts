import type { BlobProbe, BlobRef, DataBackend, DeleteOutcome, Patience, PreparedPut } from './data-backend.ts';
import type { ObjectStore } from './object-store.ts';
import { Retrier, type RetryPolicy } from './retrier.ts';
import { RetryingObjects } from './retrying-objects.ts';

/** Limit for requests before any work, when a user may be waiting. */
const CHECK_FOR_MS = 3_000;

/** Repeats calls that failed with a {@link TransientFailure}, after growing waits. */
export class RetryingBackend implements DataBackend {
  readonly objects?: ObjectStore;
  readonly #inner: DataBackend;
  readonly #policy: RetryPolicy;
  readonly #retrier: Retrier;

  constructor(inner: DataBackend, policy: RetryPolicy) {
    this.#inner = inner;
    this.#policy = policy;
    this.#retrier = new Retrier(policy);
    if (inner.objects !== undefined) this.objects = new RetryingObjects(inner.objects, this.#retrier);
  }

  storeIds(patience: Patience, signal?: AbortSignal): Promise<readonly string[] | undefined> {
    const { retryForMs } = this.#policy;
    const forMs = patience === 'short' ? Math.min(CHECK_FOR_MS, retryForMs) : retryForMs;
    return this.#retrier.retry(() => this.#inner.storeIds(patience, signal), { forMs, signal });
  }

  createStoreId(id: string): Promise<readonly string[]> {
    return this.#retrier.retry(() => this.#inner.createStoreId(id), { forMs: Math.min(CHECK_FOR_MS, this.#policy.retryForMs) });
  }

  put(uid: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#retrier.retry(() => this.#inner.put(uid, bytes, signal), { signal });
  }

  async preparePut(uid: string, bytes: Uint8Array): Promise<PreparedPut> {
    const put: PreparedPut = (await this.#inner.preparePut?.(uid, bytes)) ?? ((signal) => this.#inner.put(uid, bytes, signal));
    return (signal) => this.#retrier.retry(() => put(signal), { signal });
  }

  flush(): Promise<void> {
    return this.#inner.flush();
  }

  async get(blob: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number | undefined> {
    const get = () => this.#inner.get(blob, into, signal);
    return this.#retrier.retryMissing(get, { isMissing: (stored) => stored === undefined, signal });
  }

  probe(uid: string): Promise<BlobProbe> {
    return this.#retrier.retry(() => this.#inner.probe(uid));
  }

  find(uid: string, signal: AbortSignal): Promise<BlobProbe> {
    const find = () => this.#inner.find(uid, signal);
    return this.#retrier.retryMissing(find, { isMissing: ({ state }) => state === 'missing', signal });
  }

  delete(uids: readonly string[]): Promise<DeleteOutcome> {
    return this.#retrier.retry(() => this.#inner.delete(uids));
  }

  async describeKept(): Promise<string | undefined> {
    return this.#inner.describeKept?.();
  }

  async *list(prefix: string, after?: string): AsyncIterable<string> {
    yield* this.#retrier.list((last) => this.#inner.list(prefix, last), after);
  }

  sweepLeftovers(): Promise<number> {
    return this.#retrier.retry(() => this.#inner.sweepLeftovers());
  }

  lockOutWriters(): Promise<void> {
    return this.#inner.lockOutWriters();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
