import type { Sql, SqlValue } from './statement.ts';
import type { Steps } from './steps.ts';

/**
 * Excludes transactions of all programs on this database. SQLite excludes every other writer
 * anyway. Held until the end of the transaction is visible to all; each statement sees what earlier
 * holders have committed.
 * - `naming`: adds rows that name blobs. Any number at once.
 * - `judging`: decides which blobs may be named. No transaction adds such rows at the same time.
 * - `schema`: creates or changes tables.
 */
export type Exclusion = 'none' | 'naming' | 'judging' | 'schema';

/** Where the engines' SQL differs. */
export interface Dialect {
  /** A condition: column `id` holds a whole number. SQLite keeps texts and fractions there too. */
  readonly idIsInteger: Sql;
  /**
   * A table expression: `blocks`, for queries by its primary key. Column `is_other` is a condition:
   * the index has led to the row of another block, or to none, so that all columns but `id` and
   * `version_uid` are wrong. Only a damaged SQLite file has such rows.
   */
  readonly blocksByKey: Sql;
  /** An expression of knex: the time of the database, in UTC. */
  readonly utcNow: string;
  /** An expression: the time in Unix seconds, by the clock that dates candidates. */
  nowSeconds(): Sql;
  /** Sorts a text column by its bytes, whatever the database's collation. */
  byBytes(column: Sql): Sql;
  /** A condition: the column has one of the values. */
  among(column: Sql, values: readonly string[] | readonly number[]): Sql;
  /** A table of JSON values, with the one column `value`; `->>` reads a field of it. */
  jsonRows(values: readonly object[]): Sql;
  /** An expression: the bytes of a text in hex. */
  fromHex(text: Sql): Sql;
  /** An expression: bytes as text in lower-case hex. */
  toHex(bytes: Sql): Sql;
  /** A table of texts, with the one column `uid`, in their order. */
  uids(values: readonly string[]): Sql;
  /** A statement that gives a row when there is such a table. */
  hasTable(name: string): Sql;
  /**
   * A statement that locks a version's row before its blocks are judged. Another transaction that
   * marks a block invalid meanwhile then marks the version after this one: no version ends up valid
   * with an invalid block. Undefined where there is one writer at a time.
   */
  lockVersion?(uid: string): Sql;
  /**
   * A statement that locks leaves of the compact layout, in an order without deadlocks. Others can
   * still refer to them. Undefined where there is one writer at a time.
   */
  lockLeaves?(ids: readonly number[]): Sql;
  /** A statement that gives {@link FinishedRows}. */
  finishedRows(versionUid: string, size: number): Sql;
  /** As {@link SqlDatabase.queryEach}, as a step. */
  each<T>(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Steps<T[]>;
  /** Adds rows. @param onConflict behind the rows. */
  insertRows(table: Sql, columns: readonly NewColumn[], onConflict?: Sql): Steps<void>;
  /** Ids for new rows of a table whose ids are never used again, in ascending order. */
  newIds(table: 'backy2_blobs' | 'backy2_leaves' | 'backy2_maps', count: number): Steps<number[]>;
  /** Deletes block rows and makes their blobs candidates for deletion. @returns how many rows. */
  deleteBlocks(where: Sql): Steps<number>;
}

/** A column of new rows; each column has a value for each row. */
export interface NewColumn {
  name: Sql;
  type: 'text' | 'number' | 'bytes';
  values: readonly SqlValue[];
}

/** The rows of a backup that is about to be finished. */
export interface FinishedRows {
  /** Rows with ids from 0 to size - 1. */
  fitting: number;
  /** Invalid rows; SQLite stops counting at the first. */
  bad: number;
}

/** A row by which {@link SqlDatabase.queryEach} looks for others. */
export type QueryKey = readonly (string | number | Buffer)[];

/** Runs steps within the caller's transaction. */
export type Play = <T>(steps: Steps<T>) => Promise<T>;

/** An engine, as the queries use it that both engines share. */
export interface SqlDatabase {
  /** The database as messages call it. */
  readonly label: string;
  readonly dialect: Dialect;
  /** Why the database can't be written. Undefined: it can. */
  readonly readOnlyReason?: string | undefined;
  /** This host's clock. */
  now(): Date;
  /** The rows of one statement that changes nothing. */
  query<T>(statement: Sql): Promise<T[]>;
  /** The first row of one statement that always gives one. */
  queryOne<T>(statement: Sql): Promise<T>;
  /**
   * The rows of one query for each key, in any order; one round trip. All keys have the same types,
   * and their numbers are whole.
   * @param queryFor gets an expression for each value of a key.
   */
  queryEach<T>(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Promise<T[]>;
  /** Runs steps that change nothing. Where there are several, others may write in between. */
  read<T>(steps: () => Steps<T>): Promise<T>;
  /** Makes our own tables, which databases of the original lack, unless they are there. */
  makeSideTables(): Promise<void>;
  /** Runs steps in one transaction; durable on return. They may be run again after a conflict. */
  transaction<T>(steps: () => Steps<T>, exclusion?: Exclusion): Promise<T>;
  /**
   * Runs one transaction that takes minutes: `body` MAY await, so that the event loop keeps
   * running, and runs its steps with `play`. It is not run again: a conflict ends it, with nothing
   * changed.
   */
  longTransaction<T>(exclusion: Exclusion, body: (play: Play) => Promise<T>): Promise<T>;
  /** A failure of the driver or the database as a BackyError; any other stays what it is. */
  translate(error: unknown): unknown;
}
