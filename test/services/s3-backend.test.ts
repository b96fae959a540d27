import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { newBlobUid } from '../../src/data/blob-uid.ts';
import type { DataBackend } from '../../src/data/data-backend.ts';
import { openDataBackend } from '../../src/data/open-backend.ts';
import { dataBackendSuite } from '../support/conformance/data-backend.ts';
import { objectStoreSuite } from '../support/conformance/object-store.ts';
import { createBucket, deleteBucket, s3Request } from './s3-buckets.ts';

const signal = new AbortController().signal;

function openS3(bucket: string): DataBackend {
  const { endpoint, region, accessKey, secretKey } = inject('ceph').s3;
  const backend = {
    type: 's3' as const,
    bucket,
    endpoint,
    region,
    pathStyle: true,
    credentials: { accessKeyId: { text: accessKey }, secretAccessKey: { text: secretKey } },
    stallMs: 5_000,
    retryForMs: 5_000,
  };
  const limits = { simultaneousReads: 1, simultaneousWrites: 1, bandwidthRead: 0, bandwidthWrite: 0 };
  return openDataBackend({ ...limits, backend }, () => {});
}

describe('the S3 backend on a real gateway', () => {
  const fixture = async () => {
    const { s3 } = inject('ceph');
    const bucket = await createBucket(s3);
    return { open: () => openS3(bucket), dispose: () => deleteBucket(s3, bucket) };
  };
  describe('conformance', () => dataBackendSuite(fixture));
  describe('conformance of objects', () => objectStoreSuite(fixture));

  let bucket: string;
  let backend: DataBackend;
  beforeEach(async () => {
    bucket = await createBucket(inject('ceph').s3);
    backend = openS3(bucket);
  });
  afterEach(async () => {
    await backend.close();
    await deleteBucket(inject('ceph').s3, bucket);
  });

  const listed = async (prefix = '', after?: string) => {
    const uids: string[] = [];
    for await (const uid of backend.list(prefix, after)) uids.push(uid);
    return uids;
  };
  const putMany = async (count: number) => {
    const uids = Array.from({ length: count }, newBlobUid);
    const queue = [...uids];
    const lane = async () => {
      for (let uid = queue.pop(); uid !== undefined; uid = queue.pop()) await backend.put(uid, Buffer.from(uid), signal);
    };
    await Promise.all(Array.from({ length: 20 }, lane));
    return uids.sort();
  };

  it('lists and deletes more than fits into one answer and one request', async () => {
    const uids = await putMany(2010);
    expect(await listed()).toEqual(uids);
    expect(await listed('', uids[1500])).toEqual(uids.slice(1501));
    const { deleted, failed } = await backend.delete(uids);
    expect([deleted.length, failed]).toEqual([2010, []]);
    expect(await listed()).toEqual([]);
  });

  it('keeps each blob under its uid, and lists no other objects', async () => {
    const { s3 } = inject('ceph');
    for (const key of ['README', 'backup/0123456789', `${newBlobUid()}.bak`, 'A'.repeat(32)])
      await s3Request(s3, 'PUT', `/${bucket}/${key}`, { body: Buffer.from('x') });
    const [uid = ''] = await putMany(1);
    expect(await listed()).toEqual([uid]);
    expect((await s3Request(s3, 'GET', `/${bucket}/${uid}`)).toString()).toBe(uid);
  });

  it('reports which of many blobs could not be deleted, and deletes the others', async () => {
    const { s3 } = inject('ceph');
    const uids = await putMany(40);
    const kept = uids.filter((uid) => uid < '8');
    const resource = ['0', '1', '2', '3', '4', '5', '6', '7'].map((first) => `arn:aws:s3:::${bucket}/${first}*`);
    const deny = [{ Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: resource }];
    const policy = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement: deny }));
    await s3Request(s3, 'PUT', `/${bucket}`, { query: { policy: '' }, body: policy });
    const { deleted, failed } = await backend.delete(uids);
    await s3Request(s3, 'DELETE', `/${bucket}`, { query: { policy: '' } });
    expect(failed.map(({ uid }) => uid).sort()).toEqual(kept);
    expect(failed[0]?.reason).toMatch(/AccessDenied/);
    expect(deleted.sort()).toEqual(uids.filter((uid) => uid >= '8'));
    expect(await listed()).toEqual(kept);
  });

  it.each(['../other/key', 'a/b/c/d', ''])('never makes a key of the uid %j', async (uid) => {
    await expect(backend.put(uid, Buffer.from('x'), signal)).rejects.toThrow(/can't be the uid/);
    await expect(backend.get({ uid, blockId: 0, plainBytes: 1 }, new Uint8Array(1), signal)).rejects.toThrow(/can't be the uid/);
  });

  it('takes an empty bucket for the wrong one instead of reporting every blob missing', async () => {
    const get = backend.get({ uid: newBlobUid(), blockId: 0, plainBytes: 1 }, new Uint8Array(1), signal);
    await expect(get).rejects.toThrow(/is empty, but the database names blobs in it/);
  });

  it('does not reuse a connection whose get was not read to its end', async () => {
    const [uid, small] = [newBlobUid(), newBlobUid()];
    await backend.put(uid, Buffer.alloc(8 * 1024 * 1024, 'x'), signal);
    await backend.put(small, Buffer.from('small'), signal);
    for (let i = 0; i < 5; i++) {
      expect(await backend.get({ uid, blockId: 0, plainBytes: 10 }, new Uint8Array(10), signal)).toBe(8 * 1024 * 1024);
      const into = new Uint8Array(5);
      expect(await backend.get({ uid: small, blockId: 0, plainBytes: 5 }, into, signal)).toBe(5);
      expect(Buffer.from(into).toString()).toBe('small');
    }
  });

  it('aborts a put and a get half way, on request', async () => {
    const uid = newBlobUid();
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'x');
    const aborted = (run: (signal: AbortSignal) => Promise<unknown>) => {
      const aborter = new AbortController();
      setTimeout(() => aborter.abort(new Error('stop it')), 5);
      return run(aborter.signal);
    };
    await expect(aborted((signal) => backend.put(uid, bytes, signal))).rejects.toThrow('stop it');
    expect(await listed()).toEqual([]);
    await backend.put(uid, bytes, signal);
    const into = new Uint8Array(bytes.length);
    await expect(aborted((signal) => backend.get({ uid, blockId: 0, plainBytes: 1 }, into, signal))).rejects.toThrow('stop it');
  });
});
