import { Worker } from 'node:worker_threads';

/**
 * What bare threads do, without a program around it: the limits that the program is held against.
 * `hash`: nothing but checksums of random blocks. `seal`: checksum, zstd and AES-GCM of blocks with such contents. `store`: blobs as files. `read`: read blobs and hash them; with `target` also
 * write them there.
 * @typedef {{ kind: 'hash', count: number, blockSize: number }
 *   | { kind: 'seal', count: number, blockSize: number, content: import('./contents.mjs').Content }
 *   | { kind: 'store', count: number, blockSize: number, folder: string, durable: boolean }
 *   | { kind: 'read', blobs: string[], blockSize: number, target?: string }} Task
 */

/** As many operations in flight as the program has by its config: one a thread, since the calls of a lane are synchronous. */
export const IO_LANES = 4;

/**
 * Runs a task on so many threads, which take blocks from one shared counter. Starting threads and filling buffers is not counted.
 * @param {number} threads @param {Task} task @returns {Promise<number>} seconds.
 */
export async function runLanes(threads, task) {
  const next = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./lane.mjs', import.meta.url), { workerData: { task, next } }),
  );
  try {
    await Promise.all(workers.map(message));
    const begin = performance.now();
    for (const worker of workers) worker.postMessage('go');
    await Promise.all(workers.map(message));
    return (performance.now() - begin) / 1000;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** @param {Worker} worker @returns {Promise<unknown>} */
function message(worker) {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
