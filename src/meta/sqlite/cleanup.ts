import type { FutureTimes } from '../../model/reports.ts';
import type { SqliteConnection } from './connection.ts';
import { bumpState, readState } from './state.ts';
import { forgetChecks } from './verified.ts';

/** Candidates that one transaction looks through for ones in use. */
const DROP_PIECE = 10_000;

const NAMED = 'EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = deleted_blocks.uid)';

/** See CleanupStore.redateFutureCandidates. */
export async function redateFutureCandidates(connection: SqliteConnection, nowSeconds: number): Promise<FutureTimes> {
  return connection.write(() => {
    const { latest } = connection.prepare('SELECT max(time) AS latest FROM deleted_blocks').get() as { latest: number | null };
    if (latest === null || latest <= nowSeconds) return { count: 0, aheadSeconds: 0 };
    const { changes } = connection.prepare('UPDATE deleted_blocks SET time = ? WHERE time > ?').run(nowSeconds, nowSeconds);
    return { count: changes, aheadSeconds: latest - nowSeconds };
  });
}

/** See CleanupStore.dropUsedCandidates. `latest`: Unix seconds. */
export async function dropUsedCandidates(connection: SqliteConnection, latest: number): Promise<number> {
  const page = 'SELECT id FROM deleted_blocks WHERE id > ? AND time <= ? ORDER BY id LIMIT ?';
  let left = 0;
  for (let last = -1; ; ) {
    const ids = (connection.prepare(page).all(last, latest, DROP_PIECE) as { id: number }[]).map((row) => row.id);
    const end = ids.at(-1);
    if (end === undefined) return left;
    const start = last;
    const dropped = await connection.write(
      () =>
        connection
          .prepare(`DELETE FROM deleted_blocks WHERE id > ? AND id <= ? AND time <= ? AND ${NAMED}`)
          .run(start, end, latest).changes,
    );
    left += ids.length - dropped;
    last = end;
  }
}

/** See CleanupStore.doomCandidates. `latest`: Unix seconds. */
export async function doomCandidates(
  connection: SqliteConnection,
  latest: number,
  limit: number,
  prefix: string,
): Promise<string[]> {
  return connection.write(() => {
    const rows = connection
      .prepare(
        `SELECT DISTINCT uid FROM deleted_blocks WHERE time <= ? AND uid IS NOT NULL AND substr(uid, 1, length(?)) = ? AND NOT ${NAMED}
         AND uid NOT IN (SELECT uid FROM backy2_doomed) LIMIT ?`,
      )
      .all(latest, prefix, prefix, limit) as { uid: string }[];
    const doom = connection.prepare('INSERT INTO backy2_doomed (uid, time) VALUES (?, ?)');
    for (const { uid } of rows) doom.run(uid, latest);
    return rows.map((row) => row.uid);
  });
}

/** See CleanupStore.leftDoomed. */
export async function leftDoomed(connection: SqliteConnection, limit: number): Promise<string[]> {
  return connection.write(() => {
    // The original does not know the table: a backup of its may have come to name a doomed blob.
    connection
      .prepare('DELETE FROM backy2_doomed WHERE EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = backy2_doomed.uid)')
      .run();
    const rows = connection.prepare('SELECT uid FROM backy2_doomed LIMIT ?').all(limit) as { uid: string }[];
    return rows.map((row) => row.uid);
  });
}

/** See CleanupStore.forgetDoomed. */
export async function forgetDoomed(connection: SqliteConnection, uids: readonly string[]): Promise<void> {
  await connection.write(() => {
    const candidates = connection.prepare('DELETE FROM deleted_blocks WHERE uid = ?');
    const doomed = connection.prepare('DELETE FROM backy2_doomed WHERE uid = ?');
    const imported = connection.prepare('DELETE FROM backy2_imported WHERE uid = ?');
    for (const uid of uids) {
      imported.run(uid);
      candidates.run(uid);
      doomed.run(uid);
    }
    forgetChecks(connection, uids);
  });
}

/** See CleanupStore.candidatesAmong. */
export function candidatesAmong(connection: SqliteConnection, uids: readonly string[]): Promise<string[]> {
  // A write transaction makes sure that the side table is there, in a database that the original
  // made.
  return connection.write(() => {
    const known = connection.prepare(
      'SELECT 1 WHERE EXISTS (SELECT 1 FROM deleted_blocks WHERE uid = @uid) OR EXISTS (SELECT 1 FROM backy2_doomed WHERE uid = @uid)',
    );
    return uids.filter((uid) => known.get({ uid }) !== undefined);
  });
}

/** See CleanupStore.unnamed. */
export function unnamed(connection: SqliteConnection, uids: readonly string[]): string[] {
  const named = connection.prepare('SELECT 1 FROM blocks WHERE uid = ? LIMIT 1');
  return uids.filter((uid) => named.get(uid) === undefined);
}

/** See CleanupStore.countFullCleanup. */
export async function countFullCleanup(connection: SqliteConnection): Promise<void> {
  await connection.write(() => bumpState(connection, 'cleanups'));
}

/** See CleanupStore.fullCleanups. A database of the original has no table for it yet. */
export function fullCleanups(connection: SqliteConnection): number {
  const isThere = connection.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'backy2_state'").get();
  return isThere === undefined ? 0 : readState(connection, 'cleanups');
}
