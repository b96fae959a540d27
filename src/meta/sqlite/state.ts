import type { SqliteConnection } from './connection.ts';

/**
 * Numbers of our own: when blobs were last enrolled (Unix seconds), how often rows were healed, and
 * how many full cleanups there were.
 */
export type StateName = 'enrolled' | 'heals' | 'cleanups';

/** 0 when it was never set. Within a write transaction, or after one: the table may be new. */
export function readState(connection: SqliteConnection, name: StateName): number {
  const row = connection.prepare('SELECT value FROM backy2_state WHERE name = ?').get(name) as { value: number } | undefined;
  return row?.value ?? 0;
}

/** Sets a number within the caller's transaction. */
export function writeState(connection: SqliteConnection, name: StateName, value: number): void {
  connection.prepare('INSERT OR REPLACE INTO backy2_state (name, value) VALUES (?, ?)').run(name, value);
}

/** Adds one, within the caller's transaction. */
export function bumpState(connection: SqliteConnection, name: StateName): void {
  writeState(connection, name, readState(connection, name) + 1);
}
