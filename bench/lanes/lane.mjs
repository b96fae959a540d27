import { parentPort, workerData } from 'node:worker_threads';
import { filler } from '../lib/contents.mjs';
import { alignedBuffer, openKernel } from './kernel.mjs';
import { blobReader, fileScanner } from './reading.mjs';
import { bareOpener, bareSealer } from './sealing.mjs';
import { blobWriter, targetWriter } from './writing.mjs';

/** One thread of a limit (see run-lanes.mjs): performs the task with as few calls as possible. */

/** Buffers of a thread that only writes: more than one, so that not all fits a core's own cache. */
const WRITER_BUFFERS = 4;

/** @type {import('./run-lanes.mjs').Task} */
const task = workerData.task;
const counter = new Int32Array(workerData.next);
const work = prepare();

parentPort?.once('message', () => {
  for (let start = takeNext(); start < task.count; start = takeNext()) work.step(start, Math.min(start + work.batch, task.count));
  work.end?.();
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');

/** Takes the next blocks. @returns the first one's number. */
function takeNext() {
  return Atomics.add(counter, 0, work.batch);
}

/**
 * Opens and fills what the task needs. `step` performs blocks `[start, end)`, at most `batch`;
 * `end` makes them durable.
 * @returns {{ batch: number, step: (start: number, end: number) => void, end?: () => void }}
 */
function prepare() {
  switch (task.kind) {
    case 'blobs':
      return writing(blobWriter(task));
    case 'target':
      return writing(targetWriter(task));
    default:
      return hashing(task);
  }
}

/** @param {{ write: (index: number, block: Buffer) => void, end: () => void }} writer */
function writing({ write, end }) {
  const blocks = buffers(WRITER_BUFFERS, 'random');
  return {
    batch: 1,
    /** @param {number} start */
    step: (start) => write(start, /** @type {Buffer} */ (blocks[start % WRITER_BUFFERS])),
    end,
  };
}

/** @param {Exclude<import('./run-lanes.mjs').Task, { kind: 'blobs' | 'target' }>} task */
function hashing(task) {
  const { lanes: batch, hash } = openKernel();
  const isFilled = task.kind === 'hash' || task.kind === 'open';
  const blocks = buffers(batch, isFilled ? 'random' : undefined);
  const load = loader(task, blocks);
  const writer = task.kind === 'copy' ? targetWriter(task) : task.kind === 'store' ? blobWriter(task) : undefined;
  return {
    batch,
    /** @param {number} start @param {number} end */
    step(start, end) {
      const group = blocks.slice(0, end - start);
      load(group, start);
      hash(group);
      if (writer !== undefined) for (const [index, block] of group.entries()) writer.write(start + index, block);
    },
    end: writer?.end,
  };
}

/**
 * Returns a function that does the rest of the work on a group of blocks.
 * @param {Exclude<import('./run-lanes.mjs').Task, { kind: 'blobs' | 'target' }>} task
 * @param {Buffer[]} blocks
 * @returns {(group: Buffer[], start: number) => void}
 */
function loader(task, blocks) {
  if (task.kind === 'scan' || task.kind === 'store') return fileScanner(task);
  if (task.kind === 'read' || task.kind === 'copy') return blobReader(task);
  if (task.kind === 'hash') return () => {};
  if (task.kind === 'seal') {
    const read = fileScanner(task);
    const seal = bareSealer(task.blockSize);
    return (group, start) => {
      read(group, start);
      group.forEach(seal);
    };
  }
  const { seal, open } = bareOpener(task.blockSize);
  const sealed = blocks.map(seal);
  return (group) => {
    for (const [index, block] of group.entries()) {
      const blob = sealed[index];
      if (blob !== undefined) open(blob, block);
    }
  };
}

/**
 * @param {number} count
 * @param {import('../lib/contents.mjs').Content | undefined} content
 */
function buffers(count, content) {
  const fill = content === undefined ? (/** @type {Buffer} */ block) => block.fill(1) : filler(content);
  return Array.from({ length: count }, () => fill(alignedBuffer(task.blockSize)));
}
