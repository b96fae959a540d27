import type { ObjectStore } from './object-store.ts';

/** The answer about a blob that is not read. */
export type BlobProbe =
  /** There, with this many stored bytes. */
  | { state: 'present'; storedBytes: number }
  | { state: 'missing' }
  /** Finding out would cost as much as reading: treat it as present. */
  | { state: 'unknown' };

/** A blob to read, with the data from which a backend without storage makes it up. */
export interface BlobRef {
  uid: string;
  /** The block's number in its image. */
  blockId: number;
  /** The block's length in bytes. */
  plainBytes: number;
}

/** A prepared put. MAY be called again after it failed. */
export type PreparedPut = (signal: AbortSignal) => Promise<void>;

/**
 * How long failed requests are repeated: `short` before any work, when a user may be waiting;
 * `full` as long as for any request.
 */
export type Patience = 'short' | 'full';

/** Outcome of a batch of deletes. */
export interface DeleteOutcome {
  /** Not there now, whether or not they were before. */
  deleted: string[];
  /** Still there, with the reason. */
  failed: { uid: string; reason: string }[];
}

/**
 * Keeps blobs. One instance belongs to one thread. Several instances, threads, processes and hosts
 * MAY work on the same storage at once.
 *
 * Failures are BackyErrors with code `dataBackend`. An implementation does not retry and does not
 * throttle: the engine's gates throttle, and `RetryingBackend` repeats calls that failed with a
 * {@link TransientFailure}. So every call MUST settle in bounded time.
 */
export interface DataBackend {
  /** Small objects beside the blobs. Undefined: this backend keeps none. */
  readonly objects?: ObjectStore;
  /**
   * The ids of the store ({@link newStoreId}), by one cheap request, so that a wrong address or key
   * shows before work begins. Changes nothing. Usually there is one id. None: the storage is no
   * store yet, or its id is lost. Several: two databases, or two hosts at once, have made it a
   * store. Undefined: this backend keeps no blobs. `patience` is for the decorator that retries.
   */
  storeIds(patience: Patience, signal?: AbortSignal): Promise<readonly string[] | undefined>;
  /**
   * Gives the storage the id `id` if it has none. Durable on return.
   * @returns the ids that it has now.
   */
  createStoreId(id: string): Promise<readonly string[]>;
  /**
   * Stores `bytes` as blob `uid`. When it resolves, `get` returns them whole; they are durable
   * after {@link flush}. MUST NOT ever leave a part of a blob under the blob's name. MAY be called
   * again with the same uid. `bytes` MUST NOT change until it settles.
   */
  put(uid: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Does the part of a put that needs the processor alone, for example a digest to send along.
   * @returns the rest, under the contract of {@link put}. So a put is ready when it may write.
   */
  preparePut?(uid: string, bytes: Uint8Array): Promise<PreparedPut>;
  /** When it resolves, every put that had resolved before the call is durable. */
  flush(): Promise<void>;
  /**
   * Reads a blob into `into` from its start, up to `into`'s length. Rejects with code
   * `blobUnreadable` when only this blob can't be read (a bad sector). Any other failure concerns
   * the whole storage.
   * @returns the blob's whole length in bytes, which MAY be more than fits; undefined when there is
   * no such blob.
   */
  get(blob: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number | undefined>;
  /** Whether a blob exists, if that is cheap to find out. */
  probe(uid: string): Promise<BlobProbe>;
  /**
   * Whether a blob exists. MAY cost one request, which MUST NOT need the right to read blobs. An
   * empty storage is no failure here. `unknown` only if this backend keeps no blobs.
   */
  find(uid: string, signal: AbortSignal): Promise<BlobProbe>;
  /**
   * Deletes blobs. A failure for one does not keep it from deleting the others. Durable on return.
   */
  delete(uids: readonly string[]): Promise<DeleteOutcome>;
  /**
   * A line for users if the storage keeps what {@link delete} deletes, with what ends that.
   * Undefined if it does not, or does not tell: never a failure.
   */
  describeKept?(): Promise<string | undefined>;
  /**
   * The uids of all blobs that start with `prefix`, in any order, in bounded memory. `after`: the
   * last uid of a listing that failed. An implementation that lists in the order of uids SHOULD
   * continue behind it; any other lists all again.
   */
  list(prefix: string, after?: string): AsyncIterable<string>;
  /** Removes what dead processes left half-written. @returns the number of leftovers removed. */
  sweepLeftovers(): Promise<number>;
  /**
   * Keeps other instances from storing blobs until {@link close}: blobs just stored have no rows
   * yet. Does nothing on a storage that knows no locks. Rejects with code `locked` while another
   * instance stores blobs; until {@link close}, their {@link put} rejects so.
   */
  lockOutWriters(): Promise<void>;
  /** Releases everything, and removes temporary files. */
  close(): Promise<void>;
}
