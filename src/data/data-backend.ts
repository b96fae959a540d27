/** What a backend can say about a blob without reading it. */
export type BlobProbe =
  /** There, with this many stored bytes. */
  | { state: 'present'; storedBytes: number }
  | { state: 'missing' }
  /** It would cost as much as reading; take it as present. */
  | { state: 'unknown' };

/** A blob to read, with what a backend without storage needs to make it up again. */
export interface BlobRef {
  uid: string;
  /** The block's number in its image. */
  blockId: number;
  /** The block's length in bytes. */
  plainBytes: number;
}

/** A put that is ready to go. MAY be called again when it failed. */
export type PreparedPut = (signal: AbortSignal) => Promise<void>;

/**
 * How long an answer is waited for: `short` before any work, where somebody may wait for it too;
 * `full` as long as for any request.
 */
export type Patience = 'short' | 'full';

/** Outcome of a batch of deletes. */
export interface DeleteOutcome {
  /** Gone now, those that were not there before included. */
  deleted: string[];
  /** Still there, with the reason. */
  failed: { uid: string; reason: string }[];
}

/**
 * Where blobs are kept. One instance belongs to one thread; several instances, threads, processes and hosts
 * MAY work on the same storage at once.
 *
 * Failures are BackyErrors with code `dataBackend`. An implementation does not retry and does not throttle: the engine's gates throttle,
 * and `RetryingBackend` repeats what failed with a {@link TransientFailure}. So every call MUST end in bounded time, or reject.
 */
export interface DataBackend {
  /**
   * The ids of the store that lies here ({@link newStoreId}), by one cheap request; so a wrong
   * address or key shows before work begins. Usually one; none: nobody has made it a store yet, or
   * its id is gone. Two databases, or two hosts at once, can have made several. Undefined: blobs
   * are not kept here at all, so there is nothing to tell apart. Changes nothing. `patience` is for
   * who retries.
   */
  storeIds(patience: Patience, signal?: AbortSignal): Promise<readonly string[] | undefined>;
  /**
   * Makes the storage the store `id`, if it has no id yet. Durable on return. @returns the ids that
   * it has now.
   */
  createStoreId(id: string): Promise<readonly string[]>;
  /**
   * Stores `bytes` as blob `uid`. When it resolves, `get` returns them, whole; durable only after {@link flush}.
   * MUST NOT leave a part of a blob under the blob's name, whatever happens. MAY be called again with the same uid.
   * `bytes` MUST stay unchanged until it settles.
   */
  put(uid: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * A put in two steps, for a backend with work of its own before a put: does what needs the processor only (a digest to send along) and gives what
   * does the rest, which keeps the contract of {@link put}. So a put that waits for its turn is ready when the turn comes.
   */
  preparePut?(uid: string, bytes: Uint8Array): Promise<PreparedPut>;
  /** When it resolves, every put that had resolved before the call is durable. */
  flush(): Promise<void>;
  /**
   * Reads a blob into `into` from its start, up to `into`'s length. Rejects with code `blobUnreadable` when this one blob can't be read
   * while the storage answers (a bad sector); any other failure concerns the storage as a whole.
   * @returns the blob's whole length in bytes (which MAY be more than fits), or undefined when there is no such blob.
   */
  get(blob: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number | undefined>;
  /** Looks whether a blob is there, if that is cheap. */
  probe(uid: string): Promise<BlobProbe>;
  /**
   * Looks whether a blob is there, with one request if need be, which MUST NOT need the right to
   * read blobs. An empty storage is no failure here. `unknown` only where blobs are not kept.
   */
  find(uid: string, signal: AbortSignal): Promise<BlobProbe>;
  /** Deletes blobs, each on its own: one that fails does not keep the others. Durable on return. */
  delete(uids: readonly string[]): Promise<DeleteOutcome>;
  /**
   * The uids of all blobs that start with `prefix`, in no order, in bounded memory. An implementation that lists in the order of uids
   * SHOULD leave out those up to `after`, which the last one of a listing that failed was; any other gives all again.
   */
  list(prefix: string, after?: string): AsyncIterable<string>;
  /** Removes what dead processes left half written. @returns how many such leftovers went. */
  sweepLeftovers(): Promise<number>;
  /**
   * Keeps other instances from storing blobs until {@link close}, where the storage itself can tell
   * who does: their blobs have no rows yet. Where it can't, this does nothing. Rejects with code
   * `locked` while another one stores blobs; {@link put} does the same meanwhile.
   */
  lockOutWriters(): Promise<void>;
  /** Gives everything back; leaves nothing temporary behind. */
  close(): Promise<void>;
}
