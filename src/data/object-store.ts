/** A small object beside the blobs. */
export interface StoredObject {
  /** Parts of `[a-z0-9-]`, joined by slashes. Begins with the name of what it belongs to. */
  name: string;
  bytes: Uint8Array;
}

/**
 * Small objects beside the blobs of a data backend, which the original neither reads nor deletes.
 * The failures are those of the data backend.
 */
export interface ObjectStore {
  /**
   * Stores objects, in any order, several at once; each replaces an older one of its name as a
   * whole. Durable on return. After a failure, any of them may be there.
   */
  put(objects: readonly StoredObject[], signal?: AbortSignal): Promise<void>;
  /** @returns undefined when there is no such object. */
  get(name: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Deletes objects. Missing ones are no error. Durable on return. */
  delete(names: readonly string[]): Promise<void>;
  /**
   * The names that begin with `prefix`, in any order, in bounded memory. `after`: the last name of
   * a listing that failed. An implementation that lists in the order of names SHOULD continue
   * behind it; any other lists all again.
   */
  list(prefix: string, after?: string): AsyncIterable<string>;
}

const NAME = /^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/;

/** Whether a text has the form of an object's name: only such a text becomes a path or a key. */
export function isObjectName(text: string): boolean {
  return NAME.test(text);
}

/** Throws unless every text is the name of an object: that would be a mistake of the program. */
export function refuseUnsafeNames(names: readonly string[]): void {
  const unsafe = names.find((name) => !isObjectName(name));
  if (unsafe !== undefined) throw new Error(`"${unsafe}" can't be the name of an object`);
}
