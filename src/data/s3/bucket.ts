import type { Readable } from 'node:stream';
import { BackyError } from '../../errors.ts';
import type { DeleteOutcome } from '../data-backend.ts';
import type { S3BackendOptions } from '../options.ts';
import { makeClient } from './client.ts';
import { isMissingKey, nameFailure, type Place, StrangeAnswer } from './failures.ts';
import { readBody } from './read-body.ts';
import { DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from './sdk.ts';

/** An object to store, with the digest of its bytes in base64. */
export interface NewObject {
  /** For messages: what can't be stored. */
  what: string;
  key: string;
  bytes: Uint8Array;
  md5: string;
}

/** Which keys to list. */
export interface ListedPage {
  prefix: string;
  after: string | undefined;
  limit: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A bucket of a server, and the requests that a data backend makes. This module loads the SDK: 90 ms, so import it when it is needed. */
export interface Bucket {
  put(blob: NewObject, signal: AbortSignal): Promise<void>;
  /** @returns the object's length, or undefined when there is none. */
  get(key: string, into: Uint8Array, signal: AbortSignal): Promise<number | undefined>;
  /** At most 1000 keys. */
  delete(keys: readonly string[]): Promise<DeleteOutcome>;
  /** A page of keys behind `after`, in their order, with the objects' bytes. */
  list(page: ListedPage): Promise<{ keys: string[]; sizes: number[]; isLast: boolean }>;
  /** Names an empty bucket where blobs are expected. */
  emptyError(): BackyError;
  close(): void;
}

/** Opens a bucket; asks nothing of the server yet. Throws a BackyError when a file of a key can't be read. */
export function openBucket(options: S3BackendOptions): Bucket {
  const client = makeClient(options);
  const place: Place = { bucket: options.bucket, endpoint: options.endpoint ?? `Amazon S3 (${options.region})` };
  return {
    put: (blob, signal) => put({ client, place }, { ...blob, signal }),
    get: (key, into, signal) => get({ client, place }, { key, into, signal }),
    delete: (keys) => deleteKeys({ client, place }, keys),
    list: (page) => list({ client, place }, page),
    emptyError: () =>
      new BackyError(
        'dataBackend',
        `Bucket "${place.bucket}" at ${place.endpoint} is empty, but the database names blobs in it.`,
        {
          hint: 'Check bucket_name and the server in section DataBackend.',
        },
      ),
    close: () => client.destroy(),
  };
}

interface Connection {
  client: S3Client;
  place: Place;
}

async function put(
  { client, place }: Connection,
  { what, key, bytes, md5, signal }: NewObject & { signal: AbortSignal },
): Promise<void> {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const command = new PutObjectCommand({
    Bucket: place.bucket,
    Key: key,
    Body: body,
    ContentLength: body.length,
    // Every server checks this one; radosgw ignores the SDK's own checksums.
    ContentMD5: md5,
  });
  try {
    const { ETag } = await client.send(command, { abortSignal: signal });
    // Without it nobody says that the object is stored.
    if (ETag === undefined) throw new StrangeAnswer();
  } catch (error) {
    throw nameFailure(`Cannot store ${what}`, error, { place, signal });
  }
}

async function get(
  { client, place }: Connection,
  { key, into, signal }: { key: string; into: Uint8Array; signal: AbortSignal },
): Promise<number | undefined> {
  try {
    const { Body, ContentLength, ETag } = await client.send(new GetObjectCommand({ Bucket: place.bucket, Key: key }), {
      abortSignal: signal,
    });
    // A page that says 200 where an object is expected must not pass for a damaged blob.
    if (Body === undefined || ETag === undefined) throw new StrangeAnswer();
    return await readBody(Body as Readable, { into, length: ContentLength, signal });
  } catch (error) {
    if (isMissingKey(error)) return undefined;
    throw nameFailure(`Cannot read blob ${key}`, error, { place, signal });
  }
}

async function deleteKeys({ client, place }: Connection, keys: readonly string[]): Promise<DeleteOutcome> {
  const command = new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } });
  try {
    const { Deleted = [], Errors = [] } = await client.send(command);
    const gone = new Set(Deleted.map(({ Key }) => Key));
    for (const { Key, Code } of Errors) if (Code === 'NoSuchKey') gone.add(Key);
    const reasons = new Map(Errors.map(({ Key, Code, Message }) => [Key, [Code, Message].filter(Boolean).join(': ')]));
    return {
      deleted: keys.filter((key) => gone.has(key)),
      // What the server does not speak of counts as still there.
      failed: keys
        .filter((key) => !gone.has(key))
        .map((uid) => ({ uid, reason: reasons.get(uid) || 'the server does not say that it is gone' })),
    };
  } catch (error) {
    throw nameFailure('Cannot delete blobs', error, { place });
  }
}

async function list(
  { client, place }: Connection,
  { prefix, after, limit, signal }: ListedPage,
): Promise<{ keys: string[]; sizes: number[]; isLast: boolean }> {
  const command = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: prefix, StartAfter: after, MaxKeys: limit });
  try {
    const {
      Name,
      Contents = [],
      IsTruncated = false,
    } = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
    if (Name === undefined) throw new StrangeAnswer();
    const keys = Contents.map(({ Key = '' }) => Key);
    const [first] = keys;
    // A server that goes in circles would keep a cleanup busy for ever.
    if (first !== undefined && after !== undefined && first <= after) throw new Error(`it lists ${first} again, after ${after}`);
    return { keys, sizes: Contents.map(({ Size = 0 }) => Size), isLast: !IsTruncated };
  } catch (error) {
    throw nameFailure('Cannot list blobs', error, { place, signal });
  }
}
