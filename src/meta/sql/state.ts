import { type Sql, sql } from './statement.ts';
import { rowsOf, type Steps } from './steps.ts';

/** Numbers of our own. */
type StateName =
  /** When blobs were last enrolled, in Unix seconds. */
  | 'enrolled'
  /** How often rows were healed. */
  | 'heals'
  /** How many full cleanups there were. */
  | 'cleanups'
  /** How often marks of deleted blobs were removed. */
  | 'forgotten'
  /** How many searches for unused blobs there were: see `compact/candidates.ts`. */
  | 'searches';

/** Reads a number; 0 when it was never set. */
export function* readState(name: StateName): Steps<number> {
  const [row] = yield* rowsOf<{ value: number }>(sql`SELECT value FROM backy2_state WHERE name = ${name}`);
  return row?.value ?? 0;
}

/** Sets a number. */
export function setState(name: StateName, value: number): Sql {
  return sql`INSERT INTO backy2_state (name, value) VALUES (${name}, ${value})
    ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
}

/** Adds one. */
export function bumpState(name: StateName): Sql {
  return sql`INSERT INTO backy2_state (name, value) VALUES (${name}, 1)
    ON CONFLICT (name) DO UPDATE SET value = backy2_state.value + 1`;
}
