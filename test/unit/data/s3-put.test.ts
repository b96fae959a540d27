import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { S3Backend } from '../../../src/data/s3/s3-backend.ts';

const signal = new AbortController().signal;
const MALFORMED = '<Error><Code>BadDigest</Code><Message>no</Message></Error>';

let server: Server;
let backend: S3Backend;
let objects: Map<string, Buffer>;
let requests: IncomingMessage[];
/** How the network changes a body. */
let damage: (body: Buffer) => Buffer;
beforeEach(async () => {
  objects = new Map();
  requests = [];
  damage = (body) => body;
  server = createServer(async (request, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = damage(Buffer.concat(chunks));
    requests.push(request);
    if (request.method === 'POST') return void answer.end(deleteAnswer(body.toString()));
    // Every server checks Content-MD5.
    const md5 = createHash('md5').update(body).digest('base64');
    if (request.headers['content-md5'] !== md5) return void answer.writeHead(400).end(MALFORMED);
    objects.set(request.url ?? '', body);
    answer.writeHead(200, { etag: '"x"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backend = new S3Backend({
    ...{ type: 's3', bucket: 'bucket', region: 'default', pathStyle: true, stallMs: 5_000, retryForMs: 1 },
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: { text: 'KEY' }, secretAccessKey: { text: 'secret' } },
  });
});
afterEach(async () => {
  await backend.close();
  server.closeAllConnections();
  server.close();
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
    expect(objects.get(`/bucket/${uid}?x-id=PutObject`) ?? objects.get(`/bucket/${uid}`)).toEqual(bytes);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.headers.authorization).toMatch(/SignedHeaders=[^,]*content-md5/);
  });

  it('has the right MD5 for each of many blobs of one turn, of any lengths', async () => {
    await Promise.all([0, 1, 5000, 5000, 70_000, 5000].map((length) => backend.put(newBlobUid(), randomBytes(length), signal)));
    expect(objects.size).toBe(6);
  });

  it('fails when a byte was damaged on its way', async () => {
    damage = (body) => body.fill(0xff, 10, 11);
    await expect(backend.put(newBlobUid(), Buffer.alloc(100), signal)).rejects.toThrow();
    expect(objects.size).toBe(0);
  });
});

it('a blob that the server does not speak of counts as still there', async () => {
  const gone = `a${newBlobUid().slice(1)}`;
  const left = `0${newBlobUid().slice(1)}`;
  const { deleted, failed } = await backend.delete([gone, left]);
  expect(deleted).toEqual([gone]);
  expect(failed).toMatchObject([{ uid: left }]);
  expect(requests[0]?.headers['content-md5']).toBeDefined();
});
