import * as crypto from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { filler } from './contents.mjs';
import { bareSealer } from './sealing.mjs';

/** One thread of a limit (see lanes.mjs): performs the task with as few calls as possible. */

/** Interval of folder fsyncs, the same as in the program's group commits. */
const FOLDER_SYNC_MS = 2_000;
/**
 * A lane fsyncs the target after this many written blocks. With a single fsync at the end the disk
 * would idle until then.
 */
const TARGET_SYNC_BLOCKS = 32;
/** More than one, so that not all fits into a core's own cache. */
const RANDOM_BUFFERS = 4;

/** @type {import('./lanes.mjs').Task} */
const task = workerData.task;
const counter = new Int32Array(workerData.next);
const hash =
  typeof crypto.hash === 'function'
    ? (/** @type {Uint8Array} */ bytes) => crypto.hash('sha512', bytes, 'hex')
    : (/** @type {Uint8Array} */ bytes) => crypto.createHash('sha512').update(bytes).digest('hex');
const fill = filler(task.kind === 'seal' ? task.content : 'random');
const buffers = Array.from({ length: task.kind === 'read' ? 1 : RANDOM_BUFFERS }, () => fill(Buffer.alloc(task.blockSize)));
const seal = task.kind === 'seal' ? bareSealer(task.blockSize) : undefined;

parentPort?.once('message', () => {
  if (task.kind === 'hash' || task.kind === 'seal') hashBlocks(task.count);
  else if (task.kind === 'store') storeBlobs(task);
  else readBlobs(task);
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');

function takeNext() {
  return Atomics.add(counter, 0, 1);
}

/** @param {number} index @returns {Buffer} */
function buffer(index) {
  return buffers[index % buffers.length] ?? Buffer.alloc(0);
}

/** @param {number} count */
function hashBlocks(count) {
  for (let index = takeNext(); index < count; index = takeNext()) {
    hash(buffer(index));
    seal?.(buffer(index));
  }
}

/** @param {Extract<import('./lanes.mjs').Task, { kind: 'store' }>} task */
function storeBlobs({ count, folder, durable }) {
  const temporary = join(folder, '.tmp');
  mkdirSync(temporary, { recursive: true });
  /** @type {Set<string>} */
  let touched = new Set();
  let lastSync = performance.now();
  for (let index = takeNext(); index < count; index = takeNext()) {
    const uid = crypto.randomBytes(16).toString('hex');
    const path = join(temporary, uid);
    const fd = openSync(path, 'wx', 0o600);
    writeSync(fd, buffer(index));
    if (durable) fsyncSync(fd);
    closeSync(fd);
    const target = join(folder, uid.slice(0, 2), uid.slice(2, 4));
    moveInto(path, target, `${uid}.blob`);
    for (const entry of [target, dirname(target), folder]) touched.add(entry);
    if (!durable || performance.now() - lastSync < FOLDER_SYNC_MS) continue;
    syncFolders(touched);
    touched = new Set();
    lastSync = performance.now();
  }
  if (durable) syncFolders(touched);
}

/** @param {string} path @param {string} folder @param {string} name */
function moveInto(path, folder, name) {
  try {
    renameSync(path, join(folder, name));
  } catch {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    renameSync(path, join(folder, name));
  }
}

/** @param {Set<string>} folders */
function syncFolders(folders) {
  for (const folder of folders) {
    const fd = openSync(folder, 'r');
    fsyncSync(fd);
    closeSync(fd);
  }
}

/** @param {Extract<import('./lanes.mjs').Task, { kind: 'read' }>} task */
function readBlobs({ blobs, blockSize, target }) {
  const out = target === undefined ? undefined : openSync(target, 'r+');
  let written = 0;
  for (let index = takeNext(); index < blobs.length; index = takeNext()) {
    const fd = openSync(blobs[index] ?? '', 'r');
    const bytes = buffer(0).subarray(0, fstatSync(fd).size);
    readSync(fd, bytes, 0, bytes.length, 0);
    closeSync(fd);
    hash(bytes);
    if (out === undefined) continue;
    writeSync(out, bytes, 0, bytes.length, index * blockSize);
    if (++written % TARGET_SYNC_BLOCKS === 0) fsyncSync(out);
  }
  if (out === undefined) return;
  fsyncSync(out);
  closeSync(out);
}
