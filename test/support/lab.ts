import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { configText, type Sections } from './config-text.ts';
import { BINARY, PATH_WITH_SBIN, type Result, Running, type StartOptions, tool } from './process.ts';
import { sha256OfFile } from './sha256.ts';

/** What a lab is set up with. */
export interface LabOptions {
  /** Bytes; 4096 when absent. */
  blockSize?: number;
  /**
   * Worker threads; as many as CPUs when absent. One starts quickest: for tests of what the main thread does, with a few blocks.
   */
  workers?: number;
  /** Where blobs go; a folder of the lab when absent. */
  dataPath?: string;
  /** The SQLite file; one in the lab when absent. */
  databasePath?: string;
  /** More options, or other values. */
  config?: Sections;
}

/** A row of table versions. */
export interface VersionRow {
  uid: string;
  date: string;
  expire: string | null;
  name: string;
  snapshot_name: string;
  size: number;
  size_bytes: number;
  valid: number;
  protected: number;
}

/** A row of table blocks, those columns that tests look at. */
export interface BlockRow {
  version_uid: string;
  id: number;
  uid: string | null;
  checksum: string | null;
  size: number;
  valid: number;
}

/** What initdb made. */
let freshDatabase: Buffer | undefined;

const UID = /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A folder with an installation of its own: config, database, blobs, locks. The real binary runs in it. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), 'backy2-e2e-'));
  readonly dataPath: string;
  readonly databasePath: string;
  readonly #options: LabOptions;

  constructor(options: LabOptions = {}) {
    this.#options = options;
    this.dataPath = options.dataPath ?? this.path('data');
    this.databasePath = options.databasePath ?? this.path('backy.sqlite');
    for (const name of ['data', 'locks', 'home']) mkdirSync(this.path(name));
    this.configure({});
  }

  /** A lab with its database made: by initdb once in each test process, copied after that. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(options);
    if (freshDatabase === undefined) {
      await lab.ok('initdb');
      freshDatabase = readFileSync(lab.databasePath);
    } else writeFileSync(lab.databasePath, freshDatabase);
    return lab;
  }

  /** Writes the config file anew, with `more` on top of what the lab was made with. */
  configure(more: Sections): void {
    writeFileSync(this.path('backy.cfg'), configText([this.#basicConfig(), this.#options.config ?? {}, more]));
  }

  /**
   * A copy with everything that is stored; nothing may run in this one meanwhile. Linked blobs are hard links: quick,
   * and the program never writes into one, but then neither may the test.
   */
  async clone(blobs: 'linked' | 'copied'): Promise<Lab> {
    const copy = new Lab(this.#options);
    await tool('cp', blobs === 'linked' ? '-al' : '-a', `${this.dataPath}/.`, copy.dataPath);
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

  /** Starts the program with these words alone: it then looks for its config file itself. */
  startBare(args: readonly string[], options: StartOptions = {}): Running {
    return this.startCommand([...(options.prefix ?? []), BINARY, ...args], options);
  }

  /** Starts any command in the lab's folder and with its environment, e.g. a script that calls the program. */
  startCommand(words: readonly string[], options: StartOptions = {}): Running {
    const env = { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', TZ: 'UTC', HOME: this.path('home'), ...options.env };
    return new Running(words, { ...options, env, cwd: options.cwd ?? this.folder });
  }

  /** Runs the program to its end. */
  run(args: readonly string[], options: StartOptions = {}): Promise<Result> {
    return this.start(args, options).ended;
  }

  /** Runs a command that has to work. @returns what it wrote to stdout. */
  async ok(...args: string[]): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`backy2 ${args.join(' ')} ended with ${code ?? signal}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** Makes a backup that has to work. @returns the version's uid. */
  async backup(...args: string[]): Promise<string> {
    return uidOf(await this.ok('-m', 'backup', ...args));
  }

  /** Restores a version to a new file, which is removed again. @returns the sha256 of what was restored. */
  async restoredSha256(uid: string): Promise<string> {
    const target = this.path(`restored-${uid}-${Math.random().toString(36).slice(2)}`);
    try {
      await this.ok('restore', uid, `file://${target}`);
      return sha256OfFile(target);
    } finally {
      rmSync(target, { force: true });
    }
  }

  /** Runs a query; the program may have the database open. */
  query<T>(sql: string, ...values: (string | number)[]): T[] {
    const db = new Database(this.databasePath, { readonly: true, fileMustExist: true, timeout: 20_000 });
    try {
      return db.prepare(sql).all(...values) as T[];
    } finally {
      db.close();
    }
  }

  /** Changes the database behind the program's back. */
  sql(statement: string, ...values: (string | number)[]): void {
    const db = new Database(this.databasePath, { fileMustExist: true, timeout: 20_000 });
    try {
      db.prepare(statement).run(...values);
    } finally {
      db.close();
    }
  }

  versions(): VersionRow[] {
    return this.query<VersionRow>('SELECT * FROM versions ORDER BY date, uid');
  }

  version(uid: string): VersionRow {
    const [row] = this.query<VersionRow>('SELECT * FROM versions WHERE uid = ?', uid);
    if (row === undefined) throw new Error(`there is no version ${uid}`);
    return row;
  }

  tags(uid: string): string[] {
    return this.query<{ name: string }>('SELECT name FROM tags WHERE version_uid = ? ORDER BY name', uid).map(({ name }) => name);
  }

  /** Block rows of a version, in order; of all versions without a uid. */
  blocks(uid?: string): BlockRow[] {
    const columns = "version_uid, id, nullif(uid, '') AS uid, checksum, size, valid";
    if (uid === undefined) return this.query<BlockRow>(`SELECT ${columns} FROM blocks ORDER BY version_uid, id`);
    return this.query<BlockRow>(`SELECT ${columns} FROM blocks WHERE version_uid = ? ORDER BY id`, uid);
  }

  /** Everything that the database holds, for comparing before and after. */
  dump(): Record<string, unknown[]> {
    const tables = ['versions', 'blocks', 'tags', 'deleted_blocks', 'stats'];
    return Object.fromEntries(tables.map((table) => [table, this.query(`SELECT * FROM ${table} ORDER BY rowid`)]));
  }

  blobPath(blobUid: string): string {
    return join(this.dataPath, blobUid.slice(0, 2), blobUid.slice(2, 4), `${blobUid}.blob`);
  }

  /** Where the blob of a block is. */
  blobOf(versionUid: string, blockId: number): string {
    const uid = this.blocks(versionUid)[blockId]?.uid;
    if (uid === undefined || uid === null) throw new Error(`block ${blockId} of ${versionUid} has no blob`);
    return this.blobPath(uid);
  }

  /** Uids of all blobs on disk, sorted. */
  blobs(): string[] {
    const files = readdirSync(this.dataPath, { recursive: true, encoding: 'utf8' });
    const names = files.filter((file) => file.endsWith('.blob')).map((file) => basename(file, '.blob'));
    return names.sort();
  }

  /** Files under the temporary folder of the file backend: blobs that were never finished. */
  temporaryBlobs(): string[] {
    const folder = join(this.dataPath, '.tmp');
    return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  }

  lockFiles(): string[] {
    return readdirSync(this.path('locks'));
  }

  log(): string {
    return readFileSync(this.path('backy.log'), 'utf8');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #basicConfig(): Sections {
    return {
      DEFAULTS: {
        logfile: this.path('backy.log'),
        block_size: this.#options.blockSize ?? 4096,
        lock_dir: this.path('locks'),
        // cleanup -f refuses to work beside processes of its own name, whatever installation they work on.
        process_name: basename(this.folder),
        encryption_version: 0,
        ...(this.#options.workers === undefined ? {} : { workers: this.#options.workers }),
      },
      MetaBackend: { type: 'sql', engine: `sqlite:///${this.databasePath}` },
      DataBackend: { type: 'file', path: this.dataPath, simultaneous_writes: 4, simultaneous_reads: 4 },
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
