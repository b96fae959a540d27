import { type ObjectStore, refuseUnsafeNames, type StoredObject } from '../../../src/data/object-store.ts';

/** Objects in memory: for tests that damage them, or count calls. */
export class MemoryObjects implements ObjectStore {
  readonly objects = new Map<string, Buffer>();
  /** Names that were put or deleted, in order: `put NAME`, `delete NAME`. */
  readonly calls: string[] = [];
  /** Fails calls: return an error for a call of {@link calls}, `get NAME` or `list PREFIX`. */
  refuse: (call: string) => Error | undefined = () => undefined;

  async put(objects: readonly StoredObject[], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    refuseUnsafeNames(objects.map(({ name }) => name));
    for (const { name, bytes } of objects) {
      this.#call(`put ${name}`);
      this.objects.set(name, Buffer.from(bytes));
    }
  }

  async get(name: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    refuseUnsafeNames([name]);
    this.#check(`get ${name}`);
    return this.objects.get(name);
  }

  async delete(names: readonly string[]): Promise<void> {
    refuseUnsafeNames(names);
    for (const name of names) {
      this.#call(`delete ${name}`);
      this.objects.delete(name);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    this.#check(`list ${prefix}`);
    for (const name of [...this.objects.keys()]) if (name.startsWith(prefix)) yield name;
  }

  #call(call: string): void {
    this.#check(call);
    this.calls.push(call);
  }

  #check(call: string): void {
    const error = this.refuse(call);
    if (error !== undefined) throw error;
  }
}
