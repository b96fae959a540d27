import { inLanes } from './lanes.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import type { Retrier } from './retrier.ts';

/** Objects at once: each is repeated on its own. */
const AT_ONCE = 16;

/** Repeats calls that failed for a reason that may pass. */
export class RetryingObjects implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #retrier: Retrier;

  constructor(inner: ObjectStore, retrier: Retrier) {
    this.#inner = inner;
    this.#retrier = retrier;
  }

  async put(objects: readonly StoredObject[], signal?: AbortSignal): Promise<void> {
    await inLanes(objects, AT_ONCE, (object) => this.#retrier.retry(() => this.#inner.put([object], signal), { signal }));
  }

  get(name: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const get = () => this.#inner.get(name, signal);
    return this.#retrier.retryMissing(get, { isMissing: (bytes) => bytes === undefined, signal });
  }

  delete(names: readonly string[]): Promise<void> {
    return this.#retrier.retry(() => this.#inner.delete(names));
  }

  list(prefix: string, after?: string): AsyncIterable<string> {
    return this.#retrier.list((last) => this.#inner.list(prefix, last), after);
  }
}
