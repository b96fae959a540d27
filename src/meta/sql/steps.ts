import type { Knex } from 'knex';
import { built, Sql } from './statement.ts';

/** What the database answers to one statement. */
export interface Answer {
  /** Empty when the statement gives none. */
  rows: readonly unknown[];
  /** Rows that it changed. */
  changes: number;
}

/**
 * The body of a transaction that both engines run: it yields one statement after the other.
 * SQLite runs all of them at once, so that no other code of this process can run in between and
 * read what is not committed; PostgreSQL awaits each answer. An async function could not be run at
 * once. Steps MUST NOT catch failures of statements: a failure ends the transaction.
 */
export type Steps<T> = Generator<Sql, T, Answer>;

/** The rows that a statement gives. */
export function* rowsOf<T>(statement: Sql): Steps<T[]> {
  return (yield statement).rows as T[];
}

/** The first row of a statement that always gives one. */
export function* rowOf<T>(statement: Sql): Steps<T> {
  const [row] = yield* rowsOf<T>(statement);
  if (row === undefined) throw new Error(`no row from: ${statement.text}`);
  return row;
}

/** Runs a statement. @returns how many rows it changed. */
export function* run(statement: Sql | Knex.QueryBuilder): Steps<number> {
  return (yield statement instanceof Sql ? statement : built(statement)).changes;
}
