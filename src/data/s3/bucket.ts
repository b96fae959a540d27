import type { Readable } from 'node:stream';
import { BackyError } from '../../errors.ts';
import type { DeleteOutcome } from '../data-backend.ts';
import type { S3BackendOptions } from '../options.ts';
import { Connection } from './connection.ts';
import { ObjectDeletion } from './delete-objects.ts';
import { isMissingKey, nameFailure, StrangeAnswer } from './failures.ts';
import { describeOldVersions } from './old-versions.ts';
import { readBody } from './read-body.ts';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from './sdk.ts';

/** An object to store, with the digest of its bytes in base64. */
interface NewObject {
  /** Its name in messages. */
  what: string;
  key: string;
  bytes: Uint8Array;
  md5: string;
}

/** Keys of a bucket, in their order. */
interface ListedKeys {
  keys: string[];
  /** Bytes of each object. */
  sizes: number[];
  isLast: boolean;
}

/** An object to read, and the buffer for it. */
interface ObjectRead {
  /** Its name in messages. */
  what: string;
  key: string;
  into: Uint8Array;
}

/** A range of keys. */
interface ListedPage {
  prefix: string;
  after: string | undefined;
  limit: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * The requests of a data backend to a bucket. This module loads the SDK, which takes 90 ms: import
 * it on first use.
 */
export interface Bucket {
  put(blob: NewObject, signal: AbortSignal): Promise<void>;
  /** @returns the object's length, or undefined when there is none. */
  get(object: ObjectRead, signal: AbortSignal): Promise<number | undefined>;
  delete(keys: readonly string[]): Promise<DeleteOutcome>;
  /** A page of keys behind `after`, in their order. */
  list(page: ListedPage): Promise<ListedKeys>;
  /** All keys behind `after`, in their order, page by page. */
  keys(prefix: string, after: string | undefined): AsyncIterable<string>;
  /** A line about deleted objects that still take space; undefined if there is nothing to say. */
  describeOldVersions(): Promise<string | undefined>;
  /** The error for an empty bucket that should have blobs. */
  emptyError(): BackyError;
  close(): void;
}

/**
 * Opens a bucket, without a request yet. Throws a BackyError when the file of a key can't be read.
 */
export function openBucket(options: S3BackendOptions): Bucket {
  const connection = new Connection(options);
  const { place } = connection;
  const deletion = new ObjectDeletion(connection);
  return {
    put: (blob, signal) => put(connection, { ...blob, signal }),
    get: (object, signal) => get(connection, { ...object, signal }),
    delete: (keys) => deletion.delete(keys),
    list: (page) => list(connection, page),
    keys: (prefix, after) => listAll(connection, prefix, after),
    describeOldVersions: () => describeOldVersions(connection),
    emptyError: () =>
      new BackyError(
        'dataBackend',
        `Bucket "${place.bucket}" at ${place.endpoint} is empty, but the database names blobs in it.`,
        {
          hint: 'Check bucket_name and the server in section DataBackend.',
        },
      ),
    close: () => connection.close(),
  };
}

async function put(
  connection: Connection,
  { what, key, bytes, md5, signal }: NewObject & { signal: AbortSignal },
): Promise<void> {
  const { place } = connection;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const command = new PutObjectCommand({
    Bucket: place.bucket,
    Key: key,
    Body: body,
    ContentLength: body.length,
    // Every server checks Content-MD5; radosgw ignores the SDK's own checksums.
    ContentMD5: md5,
  });
  try {
    const { ETag } = await connection.request((client) => client.send(command, { abortSignal: signal }));
    // Without it, nothing proves that the object is stored.
    if (ETag === undefined) throw new StrangeAnswer();
  } catch (error) {
    throw nameFailure(`Cannot store ${what}`, error, { place, signal });
  }
}

async function get(
  connection: Connection,
  { what, key, into, signal }: ObjectRead & { signal: AbortSignal },
): Promise<number | undefined> {
  const { place } = connection;
  try {
    const command = new GetObjectCommand({ Bucket: place.bucket, Key: key });
    const { Body, ContentLength, ETag } = await connection.request((client) => client.send(command, { abortSignal: signal }));
    // A web page with status 200 must not pass for a damaged blob.
    if (Body === undefined || ETag === undefined) throw new StrangeAnswer();
    return await readBody(Body as Readable, { into, length: ContentLength, signal });
  } catch (error) {
    if (isMissingKey(error)) return undefined;
    throw nameFailure(`Cannot read ${what}`, error, { place, signal });
  }
}

async function* listAll(connection: Connection, prefix: string, after: string | undefined): AsyncIterable<string> {
  for (let last = after; ; ) {
    const { keys, isLast } = await list(connection, { prefix, after: last, limit: undefined });
    yield* keys;
    last = keys.at(-1);
    if (isLast || last === undefined) return;
  }
}

async function list(connection: Connection, { prefix, after, limit, signal }: ListedPage): Promise<ListedKeys> {
  const { place } = connection;
  const command = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: prefix, StartAfter: after, MaxKeys: limit });
  try {
    const {
      Name,
      Contents = [],
      IsTruncated = false,
    } = await connection.request((client) => client.send(command, signal === undefined ? {} : { abortSignal: signal }));
    if (Name === undefined) throw new StrangeAnswer();
    const keys = Contents.map(({ Key = '' }) => Key);
    const [first] = keys;
    // A server that repeats pages would keep a cleanup busy forever.
    if (first !== undefined && after !== undefined && first <= after) throw new Error(`it lists ${first} again, after ${after}`);
    return { keys, sizes: Contents.map(({ Size = 0 }) => Size), isLast: !IsTruncated };
  } catch (error) {
    throw nameFailure('Cannot list blobs', error, { place, signal });
  }
}
