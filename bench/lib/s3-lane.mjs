import { randomFillSync, randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { DeleteObjectsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { bareClient } from './gateway.mjs';

/**
 * One thread of the bare SDK. Puts objects, several at once, from a counter that all threads share;
 * then deletes them.
 */

/**
 * @type {{ address: import('./gateway.mjs').S3Address, inFlight: number, count: number, blockSize:
 * number, next: SharedArrayBuffer }}
 */
const { address, inFlight, count, blockSize, next } = workerData;
const counter = new Int32Array(next);
const client = bareClient(address);
/** @type {string[]} */
const keys = [];

async function putObjects() {
  const body = randomFillSync(Buffer.alloc(blockSize));
  while (Atomics.add(counter, 0, 1) < count) {
    const key = randomUUID();
    keys.push(key);
    await client.send(new PutObjectCommand({ Bucket: address.bucket, Key: key, Body: body }));
  }
}

parentPort?.once('message', async () => {
  await Promise.all(Array.from({ length: inFlight }, putObjects));
  parentPort?.once('message', deleteObjects);
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');

async function deleteObjects() {
  for (let start = 0; start < keys.length; start += 1000) {
    const Objects = keys.slice(start, start + 1000).map((Key) => ({ Key }));
    await client.send(new DeleteObjectsCommand({ Bucket: address.bucket, Delete: { Objects } }));
  }
  parentPort?.postMessage('deleted');
}
