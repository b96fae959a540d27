import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MEMORY_POLL_MS = 20;
/** Runs a command on one core. */
export const onCore = (core = 0) => ['taskset', '-c', String(core)];
/** Runs a command, then prints its processor time: bash(1), times. */
const WITH_TIMES = ['bash', '-c', '"$@"; code=$?; times >&2; exit $code', 'bash'];
/** Times of children: in user mode and in the kernel. */
const CHILDREN_TIMES = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\n$/;

/**
 * The outcome of a run. `cpuSeconds` is NaN unless asked for. `result` is the program's JSON
 * document.
 * @typedef {{ seconds: number, cpuSeconds: number, peakBytes: number, exitCode: number | null,
 *   stderr: string, result: Record<string, unknown> }} Outcome
 */

/** An installation of the program in a folder of its own: config file, database, locks, log. */
export class Program {
  /** @type {import('./workspace.mjs').Workspace} */
  #workspace;
  /** @type {readonly string[]} */
  #prefix;

  /**
   * @param {import('./workspace.mjs').Workspace} workspace
   * @param {{ folder: string, blockSize?: number, blobs?: string, data?: string, inFlight?: number,
   *   encrypted?: boolean, workers?: number | 'default', engine?: string, cephConf?: string,
   *   oneCore?: boolean, hasCatalogue?: boolean }} options
   * - `blobs`: the file backend's folder; without it the null backend is used.
   * - `data`: another backend's type and options.
   * - `engine`: an engine URL instead of an SQLite file.
   * - `oneCore`: run it on a single core.
   * - `hasCatalogue`: false keeps none in the data backend.
   *
   * The original reads the same file.
   */
  constructor(workspace, { folder, blobs, encrypted = false, engine, cephConf, ...options }) {
    const { blockSize = workspace.blockSize, workers = workspace.workers, inFlight = 4 } = options;
    const data = options.data ?? (blobs === undefined ? 'null' : `backy2.data_backends.file\npath: ${blobs}`);
    this.#workspace = workspace;
    this.#prefix = options.oneCore ? onCore() : [];
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.config = join(folder, 'backy.cfg');
    this.database = join(folder, 'backy.sqlite');
    const limits = (/** @type {number} */ most) => `simultaneous_reads: ${most}\nsimultaneous_writes: ${most}\n`;
    writeFileSync(
      this.config,
      `[DEFAULTS]
logfile: ${join(folder, 'log')}
lock_dir: ${folder}
block_size: ${blockSize}
hash_function: sha512
process_name: backy2
${workers === 'default' ? '' : `workers: ${workers}\n`}encryption_version: ${encrypted ? 1 : 0}
encryption_key: ${encrypted ? 'decafbad'.repeat(8) : ''}
[MetaBackend]
type: backy2.meta_backends.sql
engine: ${engine ?? `sqlite:///${this.database}`}
[DataBackend]
type: ${data}
${options.hasCatalogue === false ? 'catalogue: no\n' : ''}${limits(inFlight)}[io_file]
${limits(4)}[io_null]
${limits(4)}${cephConf === undefined ? '' : `[io_rbd]\nceph_conffile: ${cephConf}\n`}`,
    );
  }

  /**
   * Runs a command to its end; any exit code but 0 throws.
   * @param {string[]} args
   * @returns {Promise<Outcome>}
   */
  run(...args) {
    return this.#succeeds(args, {});
  }

  /** Runs a command on one core, and takes its processor time. @param {number} core */
  runOnCore(core, /** @type {string[]} */ ...args) {
    return this.#succeeds(args, { core });
  }

  /**
   * Starts a command. With `watchMemory`, polls the kernel's value for its peak memory (VmHWM)
   * until it ends; polling costs a little. With `discard`, its output is discarded and there is no
   * result. With `core`, it runs on that one alone, and its processor time is taken.
   * @param {string[]} args
   * @param {{ watchMemory?: boolean, discard?: boolean, core?: number | undefined }} [options]
   */
  start(args, { watchMemory = false, discard = false, core } = {}) {
    const begin = performance.now();
    const prefix = core === undefined ? this.#prefix : [...WITH_TIMES, ...onCore(core)];
    const [command = '', ...words] = [...prefix, this.#workspace.program, '--json', '-c', this.config, ...args];
    const child = spawn(command, words, {
      stdio: ['ignore', discard ? 'ignore' : 'pipe', 'pipe'],
    });
    this.#workspace.children.add(child);
    const stdout = child.stdout === null ? { text: () => '' } : collect(child.stdout);
    const stderr = child.stderr === null ? { text: () => '' } : collect(child.stderr);
    /** @type {Promise<number | null>} */
    const closed = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const peak = watchMemory ? watchPeak(child.pid ?? 0) : undefined;
    /** @type {Promise<Outcome>} */
    const ended = closed.then((exitCode) => {
      this.#workspace.children.delete(child);
      const seconds = (performance.now() - begin) / 1000;
      const result = exitCode === 0 && stdout.text() !== '' ? JSON.parse(stdout.text()) : {};
      const cpuSeconds = cpuSecondsOf(stderr.text());
      return { seconds, cpuSeconds, peakBytes: peak?.stop() ?? 0, exitCode, stderr: stderr.text(), result };
    });
    return { child, ended };
  }

  /** @param {string[]} args @param {{ core?: number }} options */
  async #succeeds(args, options) {
    const outcome = await this.start(args, options).ended;
    if (outcome.exitCode !== 0) throw new Error(`backy2 ${args.join(' ')} ended with ${outcome.exitCode}: ${outcome.stderr}`);
    return outcome;
  }
}

/** @param {string} stderr of {@link WITH_TIMES}. */
function cpuSecondsOf(stderr) {
  const [, ...times] = CHILDREN_TIMES.exec(stderr) ?? [];
  const [userMinutes, user, kernelMinutes, kernel] = times.map(Number);
  return 60 * ((userMinutes ?? Number.NaN) + (kernelMinutes ?? Number.NaN)) + (user ?? 0) + (kernel ?? 0);
}

/** @param {import('node:stream').Readable} stream */
function collect(stream) {
  let text = '';
  stream.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  return { text: () => text };
}

/** @param {number} pid */
function watchPeak(pid) {
  let bytes = 0;
  let stopped = false;
  void (async () => {
    while (!stopped) {
      bytes = peakBytes(pid) ?? bytes;
      await sleep(MEMORY_POLL_MS);
    }
  })();
  return {
    stop() {
      stopped = true;
      return bytes;
    },
  };
}

/** @param {number} pid */
function peakBytes(pid) {
  try {
    const match = /^VmHWM:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}
