import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { S3Backend } from '../../../src/data/s3/s3-backend.ts';
import { TransientFailure } from '../../../src/data/transient-failure.ts';

/**
 * Faults of a network, made by a server: only it can stop in the middle of a body. What a gateway
 * does is in test/services.
 */
const STALL_MS = 1000;
const signal = new AbortController().signal;
const blob = { uid: newBlobUid(), blockId: 0, plainBytes: 100 };

let server: Server;
let backend: S3Backend;
afterEach(async () => {
  await backend.close();
  server.closeAllConnections();
  server.close();
});

async function against(listener: RequestListener): Promise<void> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backend = new S3Backend({
    type: 's3',
    bucket: 'bucket',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'default',
    pathStyle: true,
    credentials: { accessKeyId: { text: 'KEY' }, secretAccessKey: { text: 'secret' } },
    stallMs: STALL_MS,
    retryForMs: 1,
  });
}

const failureOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);

it('gives up on an answer whose body stops in the middle', async () => {
  await against((_, answer) => answer.writeHead(200, { etag: '"x"', 'content-length': 100 }).write(Buffer.alloc(50)));
  const failure = await failureOf(backend.get(blob, new Uint8Array(100), signal));
  expect(failure).toBeInstanceOf(TransientFailure);
  expect(String(failure)).toMatch(/no byte moved for 1 s/);
});

it('gives up on a server that does not take what is sent', async () => {
  await against(() => {});
  server.on('connection', (socket) => socket.pause());
  const failure = await failureOf(backend.put(blob.uid, Buffer.alloc(64 * 1024 * 1024), signal));
  expect(failure).toBeInstanceOf(TransientFailure);
  expect(String(failure)).toMatch(/no byte moved for 1 s/);
});

it('waits for what comes slowly, however long it takes', async () => {
  await against(async (_, answer) => {
    answer.writeHead(200, { etag: '"x"', 'content-length': 100 });
    for (let i = 0; i < 10; i++) {
      answer.write(Buffer.alloc(10, 'x'));
      await sleep(STALL_MS / 4);
    }
    answer.end();
  });
  const into = new Uint8Array(100);
  expect(await backend.get(blob, into, signal)).toBe(100);
  expect(into.every((byte) => byte === 'x'.charCodeAt(0))).toBe(true);
});

it('does not take a page of some other server for a blob, nor its 200 for a stored one', async () => {
  await against((request, answer) => {
    request.resume().on('end', () => answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>sorry</html>'));
  });
  expect(String(await failureOf(backend.get(blob, new Uint8Array(100), signal)))).toMatch(/does not answer as an S3 server/);
  expect(String(await failureOf(backend.put(blob.uid, Buffer.alloc(10), signal)))).toMatch(/does not answer as an S3 server/);
});
