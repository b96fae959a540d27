import type { FutureTimes } from '../../model/reports.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';
import { SERVER_SECONDS } from './server-clock.ts';
import { forgetChecks } from './verified.ts';

/** Candidates that one transaction looks through for ones in use. */
const DROP_PIECE = 10_000;

/** See CleanupStore.redateFutureCandidates. */
export async function redateFutureCandidates(connection: PostgresConnection): Promise<FutureTimes> {
  return connection.write((session) =>
    session.queryOne<FutureTimes>(
      `WITH clock AS MATERIALIZED (SELECT ${SERVER_SECONDS} AS now),
         ahead AS MATERIALIZED (SELECT id, time - now AS seconds, now FROM deleted_blocks CROSS JOIN clock WHERE time > now),
         redated AS (UPDATE deleted_blocks SET time = ahead.now FROM ahead WHERE deleted_blocks.id = ahead.id RETURNING seconds)
       SELECT count(*) AS count, coalesce(max(seconds), 0) AS "aheadSeconds" FROM redated`,
      [],
    ),
  );
}

/** See CleanupStore.dropUsedCandidates. A removal adds its candidates together with the end of its rows: none of those is seen too early. */
export async function dropUsedCandidates(connection: PostgresConnection, minAgeSeconds: number): Promise<number> {
  let left = 0;
  for (let last = -1; ; ) {
    const start = last;
    const piece = await connection.write((session) =>
      session.queryOne<{ end: number | null; seen: number; dropped: number }>(
        `WITH piece AS MATERIALIZED (SELECT id, uid FROM deleted_blocks WHERE id > $1 AND time <= ${SERVER_SECONDS} - $2::bigint
           ORDER BY id LIMIT ${DROP_PIECE}),
           used AS MATERIALIZED (SELECT id FROM piece WHERE EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = piece.uid)),
           dropped AS (DELETE FROM deleted_blocks WHERE id IN (SELECT id FROM used) RETURNING id)
         SELECT (SELECT max(id) FROM piece) AS end, (SELECT count(*) FROM piece) AS seen, (SELECT count(*) FROM dropped) AS dropped`,
        [start, minAgeSeconds],
      ),
    );
    if (piece.end === null) return left;
    left += piece.seen - piece.dropped;
    last = piece.end;
  }
}

/** See CleanupStore.doomCandidates. While no row can come to name a blob, so that what is judged unnamed stays so. */
export async function doomCandidates(
  connection: PostgresConnection,
  minAgeSeconds: number,
  limit: number,
  prefix: string,
): Promise<string[]> {
  const rows = await connection.write(
    (session) =>
      session.query<{ uid: string }>(
        `INSERT INTO backy2_doomed (uid, time)
         SELECT DISTINCT uid, ${SERVER_SECONDS} FROM deleted_blocks AS candidate
         WHERE time <= ${SERVER_SECONDS} - $1::bigint AND uid IS NOT NULL AND substr(uid, 1, length($2)) = $2
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = candidate.uid)
           AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = candidate.uid)
         ORDER BY uid LIMIT $3
         RETURNING uid`,
        [minAgeSeconds, prefix, limit],
      ),
    { exclusion: 'judging' },
  );
  return rows.map((row) => row.uid);
}

/** See CleanupStore.leftDoomed. */
export async function leftDoomed(connection: PostgresConnection, limit: number): Promise<string[]> {
  const rows = await connection.write(
    async (session) => {
      // The original does not know the table: a backup of its may have come to name a doomed blob.
      await session.run('DELETE FROM backy2_doomed WHERE EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = backy2_doomed.uid)');
      return session.query<{ uid: string }>('SELECT uid FROM backy2_doomed LIMIT $1', [limit]);
    },
    { exclusion: 'judging' },
  );
  return rows.map((row) => row.uid);
}

/** See CleanupStore.forgetDoomed. */
export async function forgetDoomed(connection: PostgresConnection, uids: readonly string[]): Promise<void> {
  await connection.write(async (session) => {
    await session.run('DELETE FROM deleted_blocks WHERE uid = ANY($1::text[])', [arrayOf(uids)]);
    await session.run('DELETE FROM backy2_doomed WHERE uid = ANY($1::text[])', [arrayOf(uids)]);
    await session.run('DELETE FROM backy2_imported WHERE uid = ANY($1::text[])', [arrayOf(uids)]);
    await forgetChecks(session, uids);
  });
}

/** See CleanupStore.candidatesAmong. */
export async function candidatesAmong(connection: PostgresConnection, uids: readonly string[]): Promise<string[]> {
  const rows = await connection.queryOwn<{ uid: string }>(
    `SELECT wanted.uid FROM unnest($1::text[]) WITH ORDINALITY AS wanted(uid, n)
     WHERE EXISTS (SELECT 1 FROM deleted_blocks WHERE deleted_blocks.uid = wanted.uid)
        OR EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = wanted.uid) ORDER BY n`,
    [arrayOf(uids)],
  );
  return rows.map((row) => row.uid);
}

/** See CleanupStore.unnamed. */
export async function unnamed(connection: PostgresConnection, uids: readonly string[]): Promise<string[]> {
  const rows = await connection.query<{ uid: string }>(
    `SELECT wanted.uid FROM unnest($1::text[]) WITH ORDINALITY AS wanted(uid, n)
     WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = wanted.uid) ORDER BY n`,
    [arrayOf(uids)],
  );
  return rows.map((row) => row.uid);
}

/** See CleanupStore.countFullCleanup. */
export async function countFullCleanup(connection: PostgresConnection): Promise<void> {
  await connection.write((session) =>
    session.run(
      `INSERT INTO backy2_state (name, value) VALUES ('cleanups', 1) ON CONFLICT (name) DO UPDATE SET value = backy2_state.value + 1`,
    ),
  );
}

/** See CleanupStore.fullCleanups. */
export async function fullCleanups(connection: PostgresConnection): Promise<number> {
  const [state] = await connection.queryOwn<{ value: number }>("SELECT value FROM backy2_state WHERE name = 'cleanups'");
  return state?.value ?? 0;
}
