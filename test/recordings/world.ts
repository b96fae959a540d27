import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { clockAt } from '../support/program/clock.ts';
import { actualDates, recordedDates } from './dates.ts';
import { Names } from './names.ts';
import { type Call, callOf, type Recording } from './recording.ts';
import { type Result, runBinary } from './run-binary.ts';

const UID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** The folder in which one recording is replayed, with facts about it. */
export class World {
  readonly startedMs = Date.now();
  readonly names = new Names();
  /** The time that the program sees; undefined: that of the host. */
  clock: Date | undefined;
  private readonly recording: Recording;
  private readonly undos: (() => void | Promise<void>)[] = [];
  private made: string | undefined;

  constructor(recording: Recording) {
    this.recording = recording;
  }

  /** Made on first use: tests that are filtered out leave nothing behind. */
  get folder(): string {
    this.made ??= newFolder();
    return this.made;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, data: string | Buffer): void {
    // The program warns of a config file with a key that all may read; the original does not.
    writeFileSync(this.path(name), data, { mode: 0o600 });
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  /** Writes a config file like another one, with `edit` applied to its text. */
  config(name: string, edit: (text: string) => string, from = 'backy.cfg'): void {
    const text = this.read(from).toString();
    const edited = edit(text);
    if (edited === text) throw new Error(`the edit for ${name} does not fit ${from}`);
    this.write(name, edited);
  }

  run(argv: string[], stdin?: string | Buffer, env: Record<string, string> = {}): Promise<Result> {
    return runBinary(argv, { cwd: this.folder, env: { ...this.env(), ...env }, stdin });
  }

  /** Runs a command that must succeed, with backy.cfg; returns its output. */
  async backy(...argv: string[]): Promise<string> {
    const { rc, stdout, stderr } = await this.run(['-c', 'backy.cfg', '-m', ...argv]);
    if (rc !== 0) throw new Error(`backy2 ${argv.join(' ')} ended with ${rc}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Makes a backup that the recorder made silently; returns the version's uid. */
  async backup(...argv: string[]): Promise<string> {
    const uid = (await this.backy('backup', ...argv)).split('\n')[0] ?? '';
    if (!UID.test(uid)) throw new Error(`backup -m printed no uid but ${JSON.stringify(uid)}`);
    return uid;
  }

  /** Pairs a version of this run with the one that a recorded call names. */
  bind(call: number, uid: string): void {
    const recorded = this.recordedCall(call).argv.find((word) => UID.test(word));
    if (!recorded) throw new Error(`call ${call} names no version`);
    this.names.versions.offer(recorded, uid);
  }

  /** The path of a block's blob; docs/spec/formats.md §4. */
  blobPath(versionUid: string, blockId: number): string {
    const row = this.database('backy.sqlite', (db) =>
      db.prepare('select uid from blocks where version_uid=? and id=?').get(versionUid, blockId),
    ) as { uid: string };
    return join('data', row.uid.slice(0, 2), row.uid.slice(2, 4), `${row.uid}.blob`);
  }

  sql(statement: string, ...params: string[]): void {
    this.database('backy.sqlite', (db) => db.prepare(statement).run(...params));
  }

  database<T>(name: string, use: (db: Database.Database) => T): T {
    const db = new Database(this.path(name), { fileMustExist: true, timeout: 10_000 });
    // As in the recorder's client: it deletes rows that others name.
    db.pragma('foreign_keys = off');
    try {
      return use(db);
    } finally {
      db.close();
    }
  }

  /**
   * A recorded text with comparable dates: run-time dates are hidden, unless the clock makes them
   * the same ones here.
   */
  recordedDates(text: string): string {
    return this.clock === undefined ? recordedDates(text) : text;
  }

  /** The same for a text of this run. */
  actualDates(text: string): string {
    return this.clock === undefined ? actualDates(text, this.startedMs) : text;
  }

  /** Registers a clean-up for the end of the replay, whatever its result. */
  atEnd(undo: () => void | Promise<void>): void {
    this.undos.push(undo);
  }

  async remove(): Promise<void> {
    for (const undo of this.undos) await undo();
    if (this.made !== undefined) rmSync(this.made, { recursive: true, force: true });
  }

  recordedCall(n: number): Call {
    return callOf(this.recording, n);
  }

  /** Hides the host's home and data folder. The time zone reveals mistaken uses of local time. */
  private env(): Record<string, string> {
    const { PATH = '' } = process.env;
    const clock = this.clock === undefined ? {} : clockAt(this.clock);
    return { PATH, LANG: 'C.UTF-8', TZ: 'Asia/Kolkata', HOME: this.path('~'), XDG_DATA_HOME: this.path('xdg'), ...clock };
  }
}

/** A folder like the recorder's at its start. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-golden-'));
  for (const name of ['data', 'locks']) mkdirSync(join(folder, name));
  return folder;
}
