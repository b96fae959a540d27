import { newAborter } from '../../model/aborter.ts';
import { isBlobUid, refuseUnreadableUid, refuseUnsafeUid } from '../blob-uid.ts';
import type { BlobProbe, BlobRef, DataBackend, DeleteOutcome, Patience, PreparedPut } from '../data-backend.ts';
import type { S3BackendOptions } from '../options.ts';
import { isStoreId, toStoreFile } from '../store-id.ts';
import type { Bucket } from './bucket.ts';
import { Md5Batch } from './md5-batch.ts';
import { S3Objects } from './s3-objects.ts';

/**
 * Prefix of the object whose name has the store's id: a host may list objects that it may not read.
 * No blob uid begins so.
 */
const STORE_PREFIX = 'backy2-store-';
/** Ids to read at most: more than one is rare, and each is shown. */
const MOST_STORE_IDS = 10;

/**
 * Blobs as objects of a bucket, with the uid as key (docs/spec/formats.md §4). An object exists
 * whole or not at all, and is durable once the put is acknowledged. The first instance of a thread
 * loads the SDK.
 */
export class S3Backend implements DataBackend {
  readonly objects: S3Objects;
  readonly #bucket: Promise<Bucket>;
  readonly #digests = new Md5Batch();
  /** A blob was seen: it is the right bucket, and a missing blob is really missing. */
  #isInUse = false;

  constructor(options: S3BackendOptions) {
    // Loads in the background. The first request reports a failure.
    this.#bucket = import('./bucket.ts').then(({ openBucket }) => openBucket(options));
    this.#bucket.catch(() => {});
    this.objects = new S3Objects(this.#bucket, this.#digests);
  }

  async storeIds(_patience: Patience, signal?: AbortSignal): Promise<readonly string[]> {
    const bucket = await this.#bucket;
    const { keys } = await bucket.list({ prefix: STORE_PREFIX, after: undefined, limit: MOST_STORE_IDS, signal });
    return keys.map((key) => key.slice(STORE_PREFIX.length)).filter(isStoreId);
  }

  async createStoreId(id: string): Promise<readonly string[]> {
    const bucket = await this.#bucket;
    const bytes = Buffer.from(toStoreFile(id));
    const store = { what: "the store's id", key: STORE_PREFIX + id, bytes, md5: await this.#digests.digest(bytes) };
    await bucket.put(store, newAborter().signal);
    return this.storeIds('full');
  }

  async put(uid: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await (await this.preparePut(uid, bytes))(signal);
  }

  async preparePut(uid: string, bytes: Uint8Array): Promise<PreparedPut> {
    refuseUnsafeUid(uid);
    const md5 = await this.#digests.digest(bytes);
    return async (signal) => {
      signal.throwIfAborted();
      const bucket = await this.#bucket;
      await bucket.put({ what: `blob ${uid}`, key: uid, bytes, md5 }, signal);
      this.#isInUse = true;
    };
  }

  /** Nothing to do: an acknowledged put is durable. */
  async flush(): Promise<void> {}

  async get({ uid }: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number | undefined> {
    signal.throwIfAborted();
    refuseUnreadableUid(uid);
    const bucket = await this.#bucket;
    const stored = await bucket.get({ what: `blob ${uid}`, key: uid, into }, signal);
    if (stored !== undefined) this.#isInUse = true;
    else await this.#refuseEmptyBucket(bucket);
    return stored;
  }

  /** Not by a HEAD, which takes as long as any other request. */
  async probe(uid: string): Promise<BlobProbe> {
    return { state: isBlobUid(uid) ? 'unknown' : 'missing' };
  }

  /** By a listing: a HEAD would need the right to read. */
  async find(uid: string, signal: AbortSignal): Promise<BlobProbe> {
    if (!isBlobUid(uid)) return { state: 'missing' };
    const { keys, sizes } = await (await this.#bucket).list({ prefix: uid, after: undefined, limit: 1, signal });
    return keys[0] === uid ? { state: 'present', storedBytes: sizes[0] ?? 0 } : { state: 'missing' };
  }

  async delete(uids: readonly string[]): Promise<DeleteOutcome> {
    const bucket = await this.#bucket;
    // No other text names a blob, so nothing is left.
    const nameless = uids.filter((uid) => !isBlobUid(uid));
    const { deleted, failed } = await bucket.delete(uids.filter(isBlobUid));
    return { deleted: [...nameless, ...deleted], failed };
  }

  async describeKept(): Promise<string | undefined> {
    return (await this.#bucket).describeOldVersions();
  }

  /**
   * In the order of uids. Skips other objects of the bucket: `cleanup --full` must not touch them.
   */
  async *list(prefix: string, after?: string): AsyncIterable<string> {
    const bucket = await this.#bucket;
    for await (const key of bucket.keys(prefix, after)) if (isBlobUid(key)) yield key;
  }

  /** Nothing to do: an upload that was cut leaves nothing. */
  async sweepLeftovers(): Promise<number> {
    return 0;
  }

  /** Nothing to do: a bucket does not tell who writes to it. */
  async lockOutWriters(): Promise<void> {}

  async close(): Promise<void> {
    // A client that failed to open needs no close.
    (await this.#bucket.catch(() => undefined))?.close();
  }

  /**
   * Refuses an empty bucket: one restore or scrub with the wrong bucket would mark every version
   * invalid.
   */
  async #refuseEmptyBucket(bucket: Bucket): Promise<void> {
    if (this.#isInUse) return;
    const { keys } = await bucket.list({ prefix: '', after: undefined, limit: 1 });
    if (keys.length === 0) throw bucket.emptyError();
    this.#isInUse = true;
  }
}
