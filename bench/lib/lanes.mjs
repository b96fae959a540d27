import { Worker } from 'node:worker_threads';

/**
 * Tasks of bare threads, without a program around them: the limits for the program.
 * - `hash`: only checksums of random blocks.
 * - `seal`: checksum, zstd and AES-GCM of blocks with such contents.
 * - `store`: write blobs as files.
 * - `read`: read blobs and hash them; with `target`, write them there too.
 * @typedef {{ kind: 'hash', count: number, blockSize: number }
 *   | { kind: 'seal', count: number, blockSize: number, content: import('./contents.mjs').Content }
 *   | { kind: 'store', count: number, blockSize: number, folder: string, durable: boolean }
 *   | { kind: 'read', blobs: string[], blockSize: number, target?: string }} Task
 */

/**
 * Operations in flight, as in the program's config. One per thread: the calls of a lane are
 * synchronous.
 */
export const IO_LANES = 4;

/**
 * Runs a task on several threads, which take blocks from one shared counter. The time to start
 * threads and fill buffers is not counted.
 * @param {number} threads
 * @param {Task} task
 * @returns {Promise<number>} seconds.
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

/** Waits for the next message of a thread. @param {Worker} worker @returns {Promise<unknown>} */
export function message(worker) {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
