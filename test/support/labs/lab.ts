import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Layout } from '../../../src/model/layout.ts';
import { sha256OfFile } from '../images/sha256.ts';
import { BINARY, PATH_WITH_SBIN, type Result, Running, type StartOptions } from '../program/process.ts';
import { type RunOptions, runProgram } from '../program/run.ts';
import { layoutOfFile } from '../runner/layout-turn.ts';
import { newStore } from '../stores/choose-store.ts';
import type { LabStore } from '../stores/lab-store.ts';
import { configText, type Sections } from './config-text.ts';
import { LabData } from './lab-data.ts';

export type { BlockRow, StoredBlob, VersionRow } from './lab-data.ts';

export interface LabOptions {
  /** Bytes; 4096 when absent. */
  blockSize?: number;
  /**
   * Threads that move blocks. Default 1: most tests have little data. 2 where threads must work
   * side by side.
   */
  workers?: number;
  /** Of SQLite and files: where blobs and the database go, if not in the lab. */
  dataPath?: string;
  databasePath?: string;
  /** The layout of the database; that of the test file's turn when absent (see layout-turn.ts). */
  layout?: Layout;
  /** Another store than the default of the run. */
  store?: LabStore;
  /** More options, or other values. */
  config?: Sections;
}

const UID = /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * A folder with an installation of its own: config, database, blobs, locks. The real binary runs in
 * it.
 */
export class Lab extends LabData {
  readonly folder: string;
  readonly layout: Layout;
  readonly #options: LabOptions;

  constructor(options: LabOptions = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-e2e-'));
    const { databasePath = join(folder, 'backy.sqlite'), dataPath = join(folder, 'data') } = options;
    super(options.store ?? newStore({ databasePath, dataPath }));
    this.folder = folder;
    this.layout = options.layout ?? layoutOfFile();
    this.#options = options;
    for (const name of ['locks', 'home']) mkdirSync(this.path(name));
    this.configure({});
  }

  /** A lab with a database: made by initdb once per test process, copied after that. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(options);
    await lab.store.initialize(() => lab.ok(...lab.initdb), lab.layout);
    return lab;
  }

  /** The command that makes the lab's database. */
  get initdb(): string[] {
    return this.layout === 'classic' ? ['initdb'] : ['initdb', '--layout', this.layout];
  }

  /** Rewrites the config file, with `more` added to the lab's own sections. */
  configure(more: Sections): void {
    const text = configText([this.#basicConfig(), this.#options.config ?? {}, more]);
    rmSync(this.path('backy.cfg'), { force: true });
    // The program warns if others can read a config file with secrets.
    const mode = /encryption_key: \w|secret_access_key: \w|:\/\/\w+:\w+@/.test(text) ? 0o600 : 0o644;
    writeFileSync(this.path('backy.cfg'), text, { mode });
  }

  /**
   * A copy with everything that is stored; nothing may run in this lab meanwhile. Linked blobs are
   * hard links: quick, but the test must not write into one (the program never does).
   */
  async clone(blobs: 'linked' | 'copied'): Promise<Lab> {
    const copy = new Lab(this.#options);
    await copy.store.copyFrom(this.store, blobs);
    for (const entry of readdirSync(this.folder, { withFileTypes: true })) {
      if (entry.isFile() && entry.name !== 'backy.cfg') copyFileSync(this.path(entry.name), copy.path(entry.name));
    }
    return copy;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file of the lab. @returns its path. */
  write(name: string, bytes: string | Uint8Array): string {
    writeFileSync(this.path(name), bytes);
    return this.path(name);
  }

  /** Starts the program with the lab's config file, in the background. */
  start(args: readonly string[], options: StartOptions = {}): Running {
    return this.startBare(['-c', this.path('backy.cfg'), ...args], options);
  }

  /** Starts the program without `-c`: it then looks for its config file itself. */
  startBare(args: readonly string[], options: StartOptions = {}): Running {
    return this.startCommand([...(options.prefix ?? []), BINARY, ...args], options);
  }

  /**
   * Starts any command in the lab's folder and with its environment, e.g. a script that calls the
   * program.
   */
  startCommand(words: readonly string[], options: StartOptions = {}): Running {
    return new Running(words, this.#surroundings(options));
  }

  /**
   * Runs the program to its end, with the lab's config file. Its process may have run other calls
   * before: see runProgram.
   */
  run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.runBare(['-c', this.path('backy.cfg'), ...args], options);
  }

  /** Runs the program without `-c`: it then looks for its config file itself. */
  runBare(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return runProgram(args, this.#surroundings(options));
  }

  /** Runs a command that must succeed. @returns its stdout. */
  async ok(...args: string[]): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`backy2 ${args.join(' ')} ended with ${code ?? signal}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** Makes a backup that must succeed. @returns the version's uid. */
  async backup(...args: string[]): Promise<string> {
    return uidOf(await this.ok('-m', 'backup', ...args));
  }

  /**
   * Restores a version to a new file and removes that again.
   * @returns the sha256 of the restored bytes.
   */
  async restoredSha256(uid: string): Promise<string> {
    const target = this.path(`restored-${uid}-${Math.random().toString(36).slice(2)}`);
    try {
      await this.ok('restore', uid, `file://${target}`);
      return sha256OfFile(target);
    } finally {
      rmSync(target, { force: true });
    }
  }

  lockFiles(): string[] {
    return readdirSync(this.path('locks'));
  }

  log(): string {
    return readFileSync(this.path('backy.log'), 'utf8');
  }

  remove(): void {
    this.store.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #surroundings<Options extends RunOptions>(options: Options): Options & { env: Record<string, string>; cwd: string } {
    const env = { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', TZ: 'UTC', HOME: this.path('home'), ...options.env };
    return { ...options, env, cwd: options.cwd ?? this.folder };
  }

  #basicConfig(): Sections {
    // A file's turn is for whatever database its tests make, also without Lab.create.
    const layout = this.#options.layout === undefined && this.layout === 'compact' ? { layout: this.layout } : {};
    return {
      DEFAULTS: {
        logfile: this.path('backy.log'),
        block_size: this.#options.blockSize ?? 4096,
        lock_dir: this.path('locks'),
        // cleanup -f refuses to work beside processes of its own name, whatever installation they
        // use.
        process_name: basename(this.folder),
        encryption_version: 0,
        ...(this.#options.workers === undefined ? {} : { workers: this.#options.workers }),
      },
      ...this.store.config,
      MetaBackend: { ...this.store.config.MetaBackend, ...layout },
      io_file: { simultaneous_reads: 4, simultaneous_writes: 4 },
    };
  }
}

/** The version uid that `-m backup` printed first. */
export function uidOf(stdout: string): string {
  const uid = stdout.split('\n')[0] ?? '';
  if (!UID.test(uid)) throw new Error(`backup -m printed no uid but ${JSON.stringify(stdout)}`);
  return uid;
}

/** Runs `body` in a lab of its own, which is removed afterwards. */
export async function withLab<T>(options: LabOptions, body: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await Lab.create(options);
  try {
    return await body(lab);
  } finally {
    lab.remove();
  }
}
