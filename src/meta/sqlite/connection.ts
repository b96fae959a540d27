import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Knex } from 'knex';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { COUNT_COMMIT } from './commit-mark.ts';
import { isBusy, lockLost, notOpened, notUsable, toDatabaseError } from './database-errors.ts';
import { LostLockWatch } from './lost-lock.ts';
import { isOnNetworkFileSystem } from './network-file-system.ts';
import { PathWatch } from './path-watch.ts';
import { SIDE_TABLES } from './schema.ts';
import { checkWalBelongs } from './wal-match.ts';

/** How long a single statement outside of our transactions waits for another program's commit. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** How long the wait for the write lock may block the event loop at a time, and how long it pauses in between. */
const LOCK_ATTEMPT_MS = 5;
const LOCK_PAUSE_MS = 3;
const WAITING_MESSAGE_AFTER_MS = 3_000;
const WAITING_MESSAGE_EVERY_MS = 30_000;
const WAIT_LIMIT_MS = 30 * 60_000;
/** The default of 1000 pages makes bulk loads 2.6 times slower (measured); the WAL then grows to about 256 MiB. */
const CHECKPOINT_PAGES = 65_536;

/**
 * In bulk work the same index pages change in every transaction: each checkpoint less saves hundreds of MiB of writes. But where the WAL is
 * longer than ever before, the kernel must clear each page first: with 2 GiB, take-over was a sixth slower than with these 896 MiB.
 */
const BULK_CHECKPOINT_PAGES = 229_376;
const SORTING_CACHE_MB = 64;

/** How a connection is opened. */
export interface ConnectionOptions {
  path: string;
  cacheMb: number;
  /** Create the file when it is missing. */
  create: boolean;
  logger: Logger;
}

/** A value that SQLite takes. */
export type SqlValue = string | number | null;

/**
 * One connection to a SQLite file. Statements run at once, on the calling thread; writes go through {@link write},
 * which waits for other writers without blocking the event loop. Prepared statements are kept by their text; ordinary ones for
 * writing are built by knex (statement-builder.ts).
 *
 * One thing, though long: every method depends on the one transaction that a connection can have at a time.
 */
export class SqliteConnection {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #watch: PathWatch;
  readonly #cacheMb: number;
  readonly #logger: Logger;
  readonly #statements = new Map<string, Database.Statement>();
  #readyToWrite = false;
  #turn: Promise<void> = Promise.resolve();

  /** Opens the file, and waits while another program has it for itself. */
  static async open(options: ConnectionOptions): Promise<SqliteConnection> {
    await checkWalBelongs(options.path);
    const connection = new SqliteConnection(options);
    try {
      await connection.patiently(() => connection.#configure());
      return connection;
    } catch (error) {
      connection.close();
      throw error instanceof BackyError ? error : notOpened(options.path, error);
    }
  }

  private constructor(options: ConnectionOptions) {
    this.#path = options.path;
    this.#cacheMb = options.cacheMb;
    this.#logger = options.logger;
    if (!options.create && !existsSync(options.path)) {
      throw notUsable(options.path, 'there is no such file');
    }
    try {
      this.#db = new Database(options.path, { timeout: STATEMENT_TIMEOUT_MS });
    } catch (error) {
      throw notOpened(options.path, error);
    }
    this.#watch = new PathWatch(options.path);
  }

  /** These read the schema, so that a file in use or no database shows here. */
  #configure(): void {
    this.#db.pragma(`cache_size = ${-this.#cacheMb * 1024}`);
    // Rows of one version are written by set, in an order that keeps them whole; checks a row would cost a lookup each.
    this.#db.pragma('foreign_keys = OFF');
    // As FULL, but where there is no WAL the journal's removal is durable as well: else a power loss could roll a commit back that was told.
    this.#db.pragma('synchronous = EXTRA');
    this.#db.pragma('temp_store = FILE');
  }

  /** Runs a statement that knex built. @returns how many rows it changed. */
  run(query: Knex.QueryBuilder): number {
    const { sql, bindings } = query.toSQL().toNative();
    return this.prepare(sql).run(...bindings).changes;
  }

  /** A prepared statement, kept for the connection's life. For hot statements and those that knex can't say. */
  prepare(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * Runs `body` in a write transaction. Waits for other writers for up to half an hour, and says so.
   * `body` MUST NOT await anything; a throw rolls back.
   */
  async write<T>(body: () => T): Promise<T> {
    return this.#inTurn(body);
  }

  /**
   * The same for one transaction that takes minutes: `body` MAY await, so that messages and signals are heard. All that this connection
   * does meanwhile belongs to the transaction, and no other program can write: only for who has the installation alone.
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
    // One connection has one transaction: writers of this process take turns.
    await before;
    try {
      return await this.#transaction(body);
    } finally {
      done();
    }
  }

  async #transaction<T>(body: () => T | Promise<T>): Promise<T> {
    this.#preferWal();
    await this.#begin();
    try {
      if (!this.#readyToWrite) for (const sql of SIDE_TABLES) this.#db.exec(sql);
      const before = this.#changes();
      const result = await body();
      if (this.#changes() !== before) this.prepare(COUNT_COMMIT).run();
      this.#watch.check();
      this.#db.exec('COMMIT');
      this.#readyToWrite = true;
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw toDatabaseError(this.#path, error);
    }
  }

  /**
   * Runs `body` in a write transaction that keeps the file as it is: no WAL, no side tables. Unlike in {@link write}, `body` may
   * await, so nothing else may use the connection meanwhile: for upgrades, before the store is open. A throw rolls back.
   */
  async alone<T>(body: () => Promise<T>): Promise<T> {
    await this.#begin();
    try {
      const result = await body();
      this.#watch.check();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Rows that this connection has ever changed. */
  #changes(): number {
    return (this.prepare('SELECT total_changes() AS n').get() as { n: number }).n;
  }

  /**
   * Runs `body`, which MAY await, with one view of the database. Nothing else may use the
   * connection meanwhile.
   */
  async readInSteps<T>(body: () => Promise<T>): Promise<T> {
    this.#db.exec('BEGIN');
    try {
      return await body();
    } finally {
      if (this.#db.inTransaction) this.#db.exec('COMMIT');
    }
  }

  async #begin(): Promise<void> {
    try {
      await this.patiently(() => this.#db.exec('BEGIN IMMEDIATE'));
    } catch (error) {
      throw toDatabaseError(this.#path, error);
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

  /** Runs a statement that changes the schema, within the caller's transaction, or a pragma. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Puts a table of this connection's own into a temporary file, so that filling it locks nobody out. */
  execTemporary(sql: string): void {
    this.#db.exec(sql);
  }

  /**
   * Runs `body` with settings for many large transactions of rows that nothing relies on yet: their commits wait for no disk, and the
   * WAL is checkpointed rarely. They are durable, in order, with the next commit outside.
   */
  async bulk<T>(body: () => Promise<T>): Promise<T> {
    await this.write(() => {});
    // Without a WAL, commits must reach the disk one by one to keep the file whole.
    if (this.#db.pragma('journal_mode', { simple: true }) !== 'wal') return body();
    this.#db.pragma('synchronous = NORMAL');
    this.#db.pragma(`wal_autocheckpoint = ${BULK_CHECKPOINT_PAGES}`);
    try {
      return await body();
    } finally {
      this.#db.pragma('synchronous = EXTRA');
      this.#db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    }
  }

  /** Fills a temporary table. @returns how many rows it has. */
  stage(sql: string, values: SqlValue[]): number {
    return this.sorting(() => this.#db.prepare(sql).run(...values).changes);
  }

  /** Runs a statement that sorts many rows: a sort may take as much memory as the page cache, beside it, so that gets smaller. */
  sorting<T>(statement: () => T): T {
    this.#db.pragma(`cache_size = ${-Math.min(SORTING_CACHE_MB, this.#cacheMb) * 1024}`);
    try {
      return statement();
    } finally {
      this.#db.pragma(`cache_size = ${-this.#cacheMb * 1024}`);
    }
  }

  /** The last connection to go checkpoints the WAL and removes it. */
  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  /**
   * Runs a short `attempt` until it is no longer refused because another process has the database: for up to half an hour,
   * without blocking the event loop, and saying so; as long as there is such a process. `attempt` MUST leave no transaction behind when it throws.
   */
  async patiently<T>(attempt: () => T): Promise<T> {
    const start = performance.now();
    const watch = new LostLockWatch(this.#path);
    let nextMessage = WAITING_MESSAGE_AFTER_MS;
    for (;;) {
      const outcome = this.#unlessBusy(attempt);
      if (outcome !== undefined) return outcome.result;
      const waited = performance.now() - start;
      if (waited > WAIT_LIMIT_MS) {
        throw new BackyError('database', `Another process has been writing to ${this.#path} for half an hour.`, {
          hint: `See who it is with: fuser -v ${this.#path}`,
        });
      }
      if (watch.isLost(waited)) throw lockLost(this.#path);
      if (waited > nextMessage) {
        this.#logger.info(`Waiting for another process that writes to ${this.#path} (${Math.round(waited / 1000)}s).`);
        nextMessage = waited + WAITING_MESSAGE_EVERY_MS;
      }
      await sleep(LOCK_PAUSE_MS);
    }
  }

  #unlessBusy<T>(attempt: () => T): { result: T } | undefined {
    this.#db.pragma(`busy_timeout = ${LOCK_ATTEMPT_MS}`);
    try {
      return { result: attempt() };
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw error;
    } finally {
      this.#db.pragma(`busy_timeout = ${STATEMENT_TIMEOUT_MS}`);
    }
  }

  /**
   * WAL lets others read while we write. It is a property of the file, so only a writer sets it, and only where no other
   * host can have the file open. Whoever has it open in the old mode keeps it so until later.
   */
  #preferWal(): void {
    if (this.#readyToWrite || isOnNetworkFileSystem(dirname(this.#path) || '.')) return;
    this.#db.pragma(`busy_timeout = ${LOCK_ATTEMPT_MS}`);
    try {
      this.#db.pragma('journal_mode = WAL');
      this.#db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    } catch (error) {
      if (!isBusy(error)) throw toDatabaseError(this.#path, error);
    } finally {
      this.#db.pragma(`busy_timeout = ${STATEMENT_TIMEOUT_MS}`);
    }
  }
}
