import type { Knex } from 'knex';
import { built, Sql } from './statement.ts';

/** The answer to one statement. */
export interface Answer {
  /** Empty when the statement gives none. */
  rows: readonly unknown[];
  /** Rows that it changed. */
  changes: number;
}

/**
 * The body of a transaction for both engines: it yields one statement after the other. SQLite runs
 * all of them without a pause, so that no other code of this process reads a state in between.
 * PostgreSQL awaits each answer. (An async function always pauses.) Steps MUST NOT catch failures
 * of statements: a failure ends the transaction.
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
