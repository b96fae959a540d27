import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type Database from 'better-sqlite3';
import type { Layout } from '../../model/layout.ts';
import type { Exclusion, Play, QueryKey, SqlDatabase } from '../sql/database.ts';
import type { Sql } from '../sql/statement.ts';
import type { Answer, Steps } from '../sql/steps.ts';
import { COUNT_COMMIT } from './commit-mark.ts';
import { notUsable, notWritable, toDatabaseError } from './database-errors.ts';
import { createMissing, type DatabaseFile, type FileOptions, openCopy, openFile } from './database-file.ts';
import { eachQuery, SqliteDialect } from './dialect.ts';
import { RowReader } from './row-reader.ts';
import { SIDE_TABLES } from './schema.ts';
import { endWal, inBulk, preferWal, unlessBusy, withSmallCache } from './settings.ts';
import { makeTemporaryTables } from './temporary-tables.ts';
import { waitWhileBusy } from './wait-while-busy.ts';
import { checkWalBelongs } from './wal-match.ts';
import { mayHaveWal } from './wal-place.ts';

/** How a connection is made. */
export interface SqliteOptions extends FileOptions {
  now: () => Date;
}

/**
 * One connection to a SQLite file. Statements run at once, on the calling thread; writes go through
 * {@link write}, which waits for other writers without blocking the event loop. Prepared statements
 * are kept by their text.
 *
 * One thing, though long: every method depends on the one transaction that a connection can have at
 * a time.
 */
export class SqliteConnection implements SqlDatabase {
  readonly label: string;
  readonly now: () => Date;
  readonly dialect: SqliteDialect;
  /** Known once the store is open. */
  layout: Layout = 'classic';
  readonly #options: SqliteOptions;
  readonly #statements = new Map<string, Database.Statement>();
  readonly #readers = new Map<string, RowReader>();
  #file: DatabaseFile | undefined;
  #readyToWrite = false;
  /** Whether {@link preferWal} has done what it can. */
  #journalIsChosen = false;
  #turn: Promise<void> = Promise.resolve();

  /** Touches nothing until {@link open}. */
  constructor(options: SqliteOptions) {
    this.#options = options;
    this.label = options.path;
    this.now = options.now;
    this.dialect = new SqliteDialect(options.now);
  }

  /**
   * Opens the file, unless it is open, and waits while another program has it for itself.
   * @param create creates the file when it is missing.
   */
  async open(create: boolean): Promise<void> {
    if (this.#file !== undefined) return;
    const { path } = this.#options;
    await checkWalBelongs(path);
    if (!create && !existsSync(path)) throw notUsable(path, 'there is no such file');
    if (create) createMissing(this.#options);
    this.#file = await openFile(this.#options);
    this.#file.unlink?.();
  }

  /**
   * Continues with a private copy of a file that can't be written, which `change` alone can write
   * to. See {@link openCopy}.
   */
  async moveToCopy(change: () => Promise<void>): Promise<void> {
    const why = this.readOnlyReason ?? '';
    this.close();
    this.#file = await openCopy(this.#options, why);
    const { unlink } = this.#file;
    try {
      await change();
    } finally {
      unlink?.();
    }
  }

  /** Why the database can't be written. Undefined: it can. */
  get readOnlyReason(): string | undefined {
    return this.#file?.readOnlyReason;
  }

  get #db(): Database.Database {
    if (this.#file === undefined) throw new Error('the store is not open');
    return this.#file.db;
  }

  /** See SqlDatabase.query. Runs at once, before the caller awaits it. */
  async query<T>(statement: Sql): Promise<T[]> {
    return this.all<T>(statement);
  }

  async queryOne<T>(statement: Sql): Promise<T> {
    const [row] = this.all<T>(statement);
    if (row === undefined) throw new Error(`no row from: ${statement.text}`);
    return row;
  }

  /** See SqlDatabase.queryEach. Steps would take as long as a query that finds nothing. */
  async queryEach<T>(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Promise<T[]> {
    return this.readTogether(() => eachQuery(keys, queryFor).flatMap((query) => this.all<T>(query)));
  }

  async read<T>(steps: () => Steps<T>): Promise<T> {
    return this.readTogether(() => this.play(steps()));
  }

  async makeSideTables(): Promise<void> {
    if (this.readOnlyReason !== undefined) makeTemporaryTables(this.#db);
    else if (!this.#readyToWrite) await this.write(() => {});
  }

  transaction<T>(steps: () => Steps<T>): Promise<T> {
    return this.write(() => this.play(steps()));
  }

  /** See SqlDatabase.longTransaction. SQLite has no conflicts. */
  longTransaction<T>(_exclusion: Exclusion, body: (play: Play) => Promise<T>): Promise<T> {
    return this.writeInSteps(() => body(async (steps) => this.play(steps)));
  }

  translate(error: unknown): unknown {
    return toDatabaseError(this.#options.path, error);
  }

  /** The rows of a statement. */
  all<T>({ text, values }: Sql): T[] {
    return this.#reader(text).all(values) as T[];
  }

  /** @returns how many rows a statement changed. */
  run({ text, values }: Sql): number {
    return this.prepare(text).run(...values).changes;
  }

  /** Runs steps at once, within the caller's transaction if there is one. */
  play<T>(steps: Steps<T>): T {
    for (let next = steps.next(); ; ) {
      if (next.done === true) return next.value;
      next = steps.next(this.#answer(next.value));
    }
  }

  #answer(statement: Sql): Answer {
    const isKnown = this.#readers.has(statement.text);
    if (!isKnown && !this.prepare(statement.text).reader) return { rows: [], changes: this.run(statement) };
    const rows = this.all(statement);
    return { rows, changes: rows.length };
  }

  #reader(text: string): RowReader {
    let reader = this.#readers.get(text);
    if (reader === undefined) {
      reader = new RowReader(this.#db.prepare(text));
      this.#readers.set(text, reader);
    }
    return reader;
  }

  /** A prepared statement, kept for the connection's life. */
  prepare(text: string): Database.Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /**
   * Runs `body` in a write transaction. Waits for other writers for up to half an hour, with
   * messages. `body` MUST NOT await; a throw rolls back.
   */
  async write<T>(body: () => T): Promise<T> {
    return this.#inTurn(body);
  }

  /**
   * The same for one transaction that takes minutes: `body` MAY await, so that the event loop keeps
   * running. All that this connection does then belongs to the transaction, and no other program
   * can write.
   */
  async writeInSteps<T>(body: () => Promise<T>): Promise<T> {
    return this.#inTurn(body);
  }

  async #inTurn<T>(body: () => T | Promise<T>): Promise<T> {
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    // A connection has one transaction at a time: writers of this process take turns.
    await before;
    try {
      return await this.#transaction(body);
    } finally {
      done();
    }
  }

  async #transaction<T>(body: () => T | Promise<T>): Promise<T> {
    if (this.readOnlyReason !== undefined) throw notWritable(this.label, this.readOnlyReason);
    this.#preferWal();
    await this.#begin();
    try {
      if (!this.#readyToWrite) for (const sql of SIDE_TABLES) this.#db.exec(sql);
      const before = this.#changes();
      const result = await body();
      if (this.#changes() !== before) this.prepare(COUNT_COMMIT).run();
      await this.#commit();
      this.#readyToWrite = true;
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw toDatabaseError(this.#options.path, error);
    }
  }

  /**
   * Runs `body` in a write transaction without a WAL and without side tables: for upgrades, before
   * the store is open. `body` MAY await; nothing else may use the connection then. A throw rolls
   * back.
   */
  async alone<T>(body: () => Promise<T>): Promise<T> {
    await this.#begin();
    try {
      const result = await body();
      await this.#commit();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Without a WAL, readers delay it. */
  async #commit(): Promise<void> {
    await this.whenFree(() => {
      this.#file?.watch?.check();
      this.#db.exec('COMMIT');
    });
  }

  /** Rows that this connection has changed since it was opened. */
  #changes(): number {
    return (this.prepare('SELECT total_changes() AS n').get() as { n: number }).n;
  }

  /**
   * Runs `body`, which MAY await, with one view of the database. Nothing else may use the
   * connection then.
   */
  async readInSteps<T>(body: () => Promise<T>): Promise<T> {
    this.#db.exec('BEGIN');
    try {
      return await body();
    } finally {
      if (this.#db.inTransaction) this.#db.exec('COMMIT');
    }
  }

  /**
   * Runs `body`, which MUST NOT await, with one view of the database. A statement outside of a
   * transaction takes and drops the locks of a reader, which costs more than to find a row.
   */
  readTogether<T>(body: () => T): T {
    if (this.#db.inTransaction) return body();
    this.#db.exec('BEGIN');
    try {
      return body();
    } finally {
      if (this.#db.inTransaction) this.#db.exec('COMMIT');
    }
  }

  /**
   * Copies the pages of the database, as they are at one moment, over an empty file. `progress`
   * tells how many to copy until the next turn of the event loop; a throw of it ends the copy.
   */
  async copyPages(to: string, progress: () => number): Promise<void> {
    // Without a WAL, the copy would keep writers waiting.
    if (this.readOnlyReason === undefined) this.#preferWal();
    await this.readInSteps(async () => {
      this.#db.prepare('SELECT count(*) FROM sqlite_master').get();
      await this.#db.backup(to, { progress });
    });
  }

  /** Whether there is too little space for a WAL. */
  isShortOfRoom(): boolean {
    return mayHaveWal(dirname(this.#options.path)) === 'later';
  }

  #preferWal(): void {
    if (this.#journalIsChosen) return;
    try {
      this.#journalIsChosen = preferWal(this.#db, this.#options.path);
    } catch (error) {
      throw toDatabaseError(this.#options.path, error);
    }
  }

  async #begin(): Promise<void> {
    try {
      await this.whenFree(() => this.#db.exec('BEGIN IMMEDIATE'));
    } catch (error) {
      throw toDatabaseError(this.#options.path, error);
    }
  }

  /** Creates the schema; for `initialize` alone, which has no side tables to make first. */
  async writeSchema(statements: readonly string[], isThere: () => boolean): Promise<void> {
    await this.write(() => {
      // Two first commands may start at once.
      if (isThere()) return;
      for (const sql of statements) this.#db.exec(sql);
    });
  }

  /** Runs a statement without values: for the schema, a temporary table, or a pragma. */
  exec(text: string): void {
    this.#db.exec(text);
  }

  /** See {@link inBulk}. */
  async bulk<T>(body: () => Promise<T>): Promise<T> {
    await this.write(() => {});
    return inBulk(this.#db, body);
  }

  /** Fills a temporary table. @returns how many rows it has. */
  stage(statement: Sql): number {
    return this.sorting(() => this.run(statement));
  }

  /** See {@link withSmallCache}. */
  sorting<T>(statement: () => T): T {
    return withSmallCache(this.#db, this.#options.cacheMb, statement);
  }

  /** The last connection to close checkpoints the WAL and removes it. */
  close(): void {
    this.#statements.clear();
    this.#readers.clear();
    if (this.#file !== undefined && this.readOnlyReason === undefined) endWal(this.#db);
    this.#file?.db.close();
    this.#file = undefined;
    this.#readyToWrite = false;
    this.#journalIsChosen = false;
  }

  /**
   * Retries a short `attempt` while another process has the database. See {@link waitWhileBusy}.
   */
  whenFree<T>(attempt: () => T): Promise<T> {
    return waitWhileBusy(() => unlessBusy(this.#db, attempt), this.#options);
  }
}
