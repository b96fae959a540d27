import { BackyError } from '../../errors.ts';
import { newAborter } from '../../model/aborter.ts';
import { inLanes } from '../lanes.ts';
import { isObjectName, type ObjectStore, refuseUnsafeNames, type StoredObject } from '../object-store.ts';
import { readWhole } from '../read-whole.ts';
import type { Bucket } from './bucket.ts';
import type { Md5Batch } from './md5-batch.ts';

/** Requests at once. */
const AT_ONCE = 16;

/**
 * Objects of a bucket beside the blobs, each with its name as key (docs/spec/formats.md §10). No
 * name looks like the uid of a blob: it has a slash.
 */
export class S3Objects implements ObjectStore {
  readonly #bucket: Promise<Bucket>;
  readonly #digests: Md5Batch;

  constructor(bucket: Promise<Bucket>, digests: Md5Batch) {
    this.#bucket = bucket;
    this.#digests = digests;
  }

  async put(objects: readonly StoredObject[], signal: AbortSignal = newAborter().signal): Promise<void> {
    refuseUnsafeNames(objects.map(({ name }) => name));
    const bucket = await this.#bucket;
    await inLanes(objects, AT_ONCE, async ({ name, bytes }) => {
      signal.throwIfAborted();
      const md5 = await this.#digests.digest(bytes);
      await bucket.put({ what: `object ${name}`, key: name, bytes, md5 }, signal);
    });
  }

  async get(name: string, signal: AbortSignal = newAborter().signal): Promise<Uint8Array | undefined> {
    signal.throwIfAborted();
    refuseUnsafeNames([name]);
    const bucket = await this.#bucket;
    const what = `object ${name}`;
    return readWhole(what, (into) => bucket.get({ what, key: name, into }, signal));
  }

  async delete(names: readonly string[]): Promise<void> {
    refuseUnsafeNames(names);
    const { failed } = await (await this.#bucket).delete(names);
    const [first] = failed;
    if (first === undefined) return;
    throw new BackyError('dataBackend', `Cannot delete ${failed.length} objects, the first is ${first.uid}: ${first.reason}`, {
      hint: 'Allow s3:DeleteObject on the objects of the bucket.',
    });
  }

  /** In the order of names. */
  async *list(prefix: string, after?: string): AsyncIterable<string> {
    const bucket = await this.#bucket;
    for await (const key of bucket.keys(prefix, after)) if (isObjectName(key)) yield key;
  }
}
