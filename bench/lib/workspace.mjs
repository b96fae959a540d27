import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Limits } from './limits.mjs';
import { writeRandomFile } from './random-file.mjs';

const TMPFS_MAGIC = 0x01021994;
const GIB = 1024 ** 3;

/**
 * Folders and sizes of a run. All its files are in these folders, which are removed at its end, in
 * any case.
 */
export class Workspace {
  /** Processes to end with the run. @type {Set<import('node:child_process').ChildProcess>} */
  children = new Set();
  /** Steps that undo changes of the machine, for the end of the run. @type {Set<() => void>} */
  undo = new Set();
  limits = new Limits(this);
  /** @type {string[]} */
  #folders = [];
  /** @type {string | undefined} */
  #source;

  /**
   * @param {{ quick: boolean, gib: number, blocks: number | undefined, memoryDir: string,
   *   diskDir: string | undefined, program: string | undefined }} options
   */
  constructor({ quick, gib, blocks, memoryDir, diskDir, program }) {
    this.quick = quick;
    this.program = program ?? fileURLToPath(new URL('../../bin/backy2', import.meta.url));
    this.workers = availableParallelism();
    this.blockSize = 4 * 1024 ** 2;
    /** Blocks of large images, if not the default. */
    this.blocks = blocks;
    this.sourceBytes = quick ? GIB / 8 : gib * GIB;
    this.memory = this.#makeFolder(memoryDir);
    this.disk = this.#makeFolder(diskDir ?? tmpdir());
    this.diskIsMemory = statfsSync(this.disk).type === TMPFS_MAGIC;
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
      process.on(signal, () => {
        process.stderr.write(`ended by ${signal}\n`);
        this.remove();
        process.exit(130);
      });
    }
    process.on('exit', () => this.remove());
  }

  /** Rounds of a measurement. @param {number} [wanted] */
  rounds(wanted = 5) {
    return this.quick ? 1 : wanted;
  }

  /**
   * Makes a new folder in memory or on disk.
   * @param {'memory' | 'disk'} where
   * @param {string} name
   */
  folder(where, name) {
    const path = join(this[where], name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** The file of incompressible data in memory that most rows back up. */
  source() {
    if (this.#source === undefined) {
      this.#source = join(this.memory, 'source');
      writeRandomFile(this.#source, this.sourceBytes);
    }
    return this.#source;
  }

  /** Ends running processes, undoes changes of the machine, and removes all folders. */
  remove() {
    for (const child of this.children) child.kill('SIGKILL');
    for (const step of this.undo) {
      this.undo.delete(step);
      step();
    }
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** @param {string} parent */
  #makeFolder(parent) {
    mkdirSync(dirname(join(parent, 'x')), { recursive: true });
    const folder = mkdtempSync(join(parent, 'backy2-bench-'));
    this.#folders.push(folder);
    return folder;
  }
}
