import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { S3Backend } from '../../../src/data/s3/s3-backend.ts';
import { FakeS3, s3Error } from '../../support/servers/fake-s3.ts';

const signal = new AbortController().signal;

let server: FakeS3;
let backend: S3Backend;
/** How the network changes a body. */
let damage: (body: Buffer) => void;
beforeEach(async () => {
  server = await FakeS3.start();
  damage = () => {};
  server.rule = ({ method, headers, body }) => {
    if (method === 'POST') return { status: 200, body: deleteAnswer(body.toString()) };
    damage(body);
    // Every server checks Content-MD5.
    const md5 = createHash('md5').update(body).digest('base64');
    return headers['content-md5'] === md5 ? undefined : s3Error(400, 'BadDigest', 'no');
  };
  backend = new S3Backend(server.options());
});
afterEach(async () => {
  await backend.close();
  server.stop();
});

/** Deletes the keys, except those that begin with 0, which its answer does not mention. */
function deleteAnswer(body: string): string {
  const keys = [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
  const gone = keys.filter((key) => !key.startsWith('0'));
  return `<DeleteResult>${gone.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join('')}</DeleteResult>`;
}

describe('a put', () => {
  it('is one request with the MD5 of the bytes, which is signed', async () => {
    const uid = newBlobUid();
    const bytes = randomBytes(100_000);
    await backend.put(uid, bytes, signal);
    expect(server.objects.get(uid)).toEqual(bytes);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]?.headers.authorization).toMatch(/SignedHeaders=[^,]*content-md5/);
  });

  it('has the right MD5 for each of many blobs of one turn, of any lengths', async () => {
    await Promise.all([0, 1, 5000, 5000, 70_000, 5000].map((length) => backend.put(newBlobUid(), randomBytes(length), signal)));
    expect(server.objects.size).toBe(6);
  });

  it('fails when a byte was damaged on its way', async () => {
    damage = (body) => {
      body.fill(0xff, 10, 11);
    };
    await expect(backend.put(newBlobUid(), Buffer.alloc(100), signal)).rejects.toThrow();
    expect(server.objects.size).toBe(0);
  });
});

it('a blob that the server does not speak of counts as still there', async () => {
  const gone = `a${newBlobUid().slice(1)}`;
  const left = `0${newBlobUid().slice(1)}`;
  const { deleted, failed } = await backend.delete([gone, left]);
  expect(deleted).toEqual([gone]);
  expect(failed).toMatchObject([{ uid: left }]);
  expect(server.requests[0]?.headers['content-md5']).toBeDefined();
});
