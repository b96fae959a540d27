import { Worker } from 'node:worker_threads';

/**
 * Tasks of bare threads, without a program around them: the limits for the program. All hash with
 * the program's own kernel, as many blocks at once as it can.
 * - `hash`: checksums of random blocks in memory.
 * - `scan`: read a file through the page cache, and hash it.
 * - `seal`: the same, then zstd and AES-GCM.
 * - `open`: the reverse of random blocks in memory, and hash them.
 * - `blobs`: write random blobs as files, with the program's fsyncs.
 * - `target`: write random blocks to an existing file or device, then fsync.
 * - `read`: read blobs, and hash them.
 * - `copy`: the same, and write each to an existing file or device; fsync it in the end.
 * - `store`: read and hash a file as `scan` does, and write its blocks as `blobs` does.
 * - `direct`: bypass the page cache.
 * @typedef {{ kind: 'hash' | 'open', count: number, blockSize: number }
 *   | { kind: 'scan' | 'seal', count: number, blockSize: number, path: string }
 *   | { kind: 'blobs', count: number, blockSize: number, folder: string, direct: boolean }
 *   | { kind: 'target', count: number, blockSize: number, path: string, direct: boolean }
 *   | { kind: 'read', count: number, blockSize: number, paths: string[], direct: boolean }
 *   | { kind: 'copy', count: number, blockSize: number, paths: string[], path: string,
 *       direct: boolean }
 *   | { kind: 'store', count: number, blockSize: number, path: string, folder: string,
 *       direct: boolean }} Task
 */

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
