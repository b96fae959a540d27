import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runLanes } from '../lanes/run-lanes.mjs';
import { forget } from './page-cache.mjs';

/** Requests in flight: one per thread, since the calls of a lane are synchronous. */
const DEPTHS = [1, 4, 8];
const PASSES = 2;

/**
 * A way to do I/O.
 * @typedef {{ threads: number, direct: boolean }} Way
 * @typedef {(way: Way, count: number) => Promise<number>} Trial performs `count` blocks; seconds.
 */

/**
 * The fastest ways to use this machine's files, found by trying: through the page cache and direct,
 * 1, 4 and 8 requests at once. Each is tried twice with a quarter of the blocks, and its better
 * result counts. The winner then runs in every round.
 */
export class Limits {
  /** @type {import('./workspace.mjs').Workspace} */
  #workspace;
  /** Winners, by name. @type {Map<string, Promise<Way>>} */
  #best = new Map();

  /** @param {import('./workspace.mjs').Workspace} workspace */
  constructor(workspace) {
    this.#workspace = workspace;
  }

  /** All cores hash blocks in memory. @param {number} [count] @param {number} [blockSize] */
  hash(count = this.#count, blockSize = this.#workspace.blockSize) {
    return runLanes(this.#workspace.workers, { kind: 'hash', count, blockSize });
  }

  /** Threads read the source through the page cache, and hash it. */
  scan(threads = this.#workspace.workers) {
    return runLanes(threads, { kind: 'scan', ...this.#blocks, path: this.#workspace.source() });
  }

  /** All cores read a file as large as the source through the page cache, and seal its blocks. */
  seal(path = this.#workspace.source()) {
    return runLanes(this.#workspace.workers, { kind: 'seal', ...this.#blocks, path });
  }

  /** All cores open sealed blocks in memory. */
  open() {
    return runLanes(this.#workspace.workers, { kind: 'open', ...this.#blocks });
  }

  /** Writes durable blobs to the disk. */
  writeBlobs() {
    return this.#run('writers of blobs', ({ threads, direct }, count) =>
      this.#inNewFolder((folder) => runLanes(threads, { kind: 'blobs', ...this.#blocks, count, folder, direct })),
    );
  }

  /**
   * Threads read the source through the page cache, hash it, and write durable blobs to the disk.
   */
  storeBlobs() {
    const path = this.#workspace.source();
    return this.#run('storers', ({ threads, direct }, count) =>
      this.#inNewFolder((folder) => runLanes(threads, { kind: 'store', ...this.#blocks, count, path, folder, direct })),
    );
  }

  /** Writes a new file on the disk. */
  writeFile() {
    return this.#run('writers of a file', ({ threads, direct }, count) =>
      this.#onNewFile(count, (path) => runLanes(threads, { kind: 'target', ...this.#blocks, count, path, direct })),
    );
  }

  /**
   * Reads and hashes blobs, and writes them to a new file on the disk.
   * @param {{ name: string, blobs: string[], folder: string }} stored
   */
  copyBlobs({ name, blobs: paths, folder }) {
    return this.#run(`copiers of ${name}`, ({ threads, direct }, count) => {
      forget(folder);
      const { blockSize } = this.#workspace;
      return this.#onNewFile(count, (path) => runLanes(threads, { kind: 'copy', count, blockSize, paths, path, direct }));
    });
  }

  /**
   * The same to a device, which is overwritten.
   * @param {{ name: string, blobs: string[], folder: string }} stored
   * @param {string} path
   */
  copyToDevice({ name, blobs: paths, folder }, path) {
    return this.#run(`copiers of ${name} to ${path}`, ({ threads, direct }, count) => {
      forget(folder);
      return runLanes(threads, { kind: 'copy', ...this.#blocks, count, paths, path, direct });
    });
  }

  /**
   * Reads and hashes blobs.
   * @param {{ name: string, blobs: string[], folder: string }} stored
   */
  readBlobs({ name, blobs: paths, folder }) {
    return this.#run(`readers of ${name}`, ({ threads, direct }, count) => {
      forget(folder);
      return runLanes(threads, { kind: 'read', count, blockSize: this.#workspace.blockSize, paths, direct });
    });
  }

  get #count() {
    return this.#workspace.sourceBytes / this.#workspace.blockSize;
  }

  get #blocks() {
    return { count: this.#count, blockSize: this.#workspace.blockSize };
  }

  /**
   * Makes a new file of `count` blocks, for as long as `write` takes.
   * @param {number} count
   * @param {(path: string) => Promise<number>} write
   */
  async #onNewFile(count, write) {
    const path = join(this.#workspace.disk, 'bare');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, count * this.#workspace.blockSize);
    closeSync(fd);
    const seconds = await write(path);
    rmSync(path);
    return seconds;
  }

  /** @param {(folder: string) => Promise<number>} write @returns what it takes. */
  async #inNewFolder(write) {
    const folder = this.#workspace.folder('disk', 'bare');
    const seconds = await write(folder);
    rmSync(folder, { recursive: true });
    return seconds;
  }

  /** Performs the whole work in the best way. @param {string} name @param {Trial} trial */
  async #run(name, trial) {
    if (!this.#best.has(name)) this.#best.set(name, this.#choose(name, trial));
    const way = await this.#best.get(name);
    return way === undefined ? Number.NaN : trial(way, this.#count);
  }

  /** @param {string} name @param {Trial} trial */
  async #choose(name, trial) {
    const { quick, blockSize } = this.#workspace;
    const count = Math.ceil(this.#count / 4);
    const results = ways(quick).map((way) => ({ way, seconds: Number.POSITIVE_INFINITY }));
    for (let pass = 0; pass < (quick ? 1 : PASSES); pass++)
      for (const result of results) result.seconds = Math.min(result.seconds, await attempt(trial, result.way, count));
    results.sort((a, b) => a.seconds - b.seconds);
    const said = results.map(({ way, seconds }) => `${inWords(way)} ${((count * blockSize) / seconds / 1e6).toFixed(0)}`);
    process.stderr.write(`best ${name}, MB/s: ${said.join(', ')}\n`);
    return results[0]?.way ?? { threads: 1, direct: false };
  }
}

/** All ways; of a quick run, two. @param {boolean} quick @returns {Way[]} */
function ways(quick) {
  if (quick) return [false, true].map((direct) => ({ threads: 2, direct }));
  return [false, true].flatMap((direct) => DEPTHS.map((threads) => ({ threads, direct })));
}

/**
 * Infinity where the file system refuses direct I/O.
 * @param {Trial} trial
 * @param {Way} way
 * @param {number} count
 */
async function attempt(trial, way, count) {
  try {
    return await trial(way, count);
  } catch (error) {
    if (way.direct && error instanceof Error && 'code' in error && error.code === 'EINVAL') return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** @param {Way} way */
function inWords({ threads, direct }) {
  return `${direct ? 'direct' : 'cached'} x${threads}`;
}
