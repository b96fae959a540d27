import type { FutureTimes } from '../../model/reports.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from '../sql/rows.ts';
import { joinSql, sql } from '../sql/sql-text.ts';
import type { BlobCheck, BlobToCheck, CheckCursor, Coverage } from '../verification-store.ts';
import type { PostgresConnection } from './connection.ts';
import { trustImported } from './imported.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/** Uids that one statement looks at. */
const PIECE_UIDS = 20_000;

/** A piece of all uids that rows name, in their order: the walk along the index on them. */
const PIECE = sql`(SELECT DISTINCT uid FROM blocks WHERE uid > $1 ORDER BY uid LIMIT ${PIECE_UIDS})`;

/** See VerificationStore.recordChecks. In the order of uids, so that two at once wait for each other instead of blocking each other. */
export async function recordChecks(connection: PostgresConnection, checks: readonly BlobCheck[], time: number): Promise<void> {
  await connection.write(async (session) => {
    await session.run(
      `INSERT INTO backy2_verified (uid, time, good) SELECT uid, $3::bigint, good FROM unnest($1::text[], $2::int[]) AS r(uid, good) ORDER BY uid
       ON CONFLICT (uid) DO UPDATE SET time = excluded.time, good = excluded.good`,
      [arrayOf(checks.map(({ uid }) => uid)), arrayOf(checks.map(({ good }) => (good ? 1 : 0))), time],
    );
    await trustImported(session, checks);
  });
}

/** See VerificationStore.redateFutureChecks. */
export async function redateFutureChecks(connection: PostgresConnection, now: number): Promise<FutureTimes> {
  return connection.write(async (session) => {
    await session.run("UPDATE backy2_state SET value = $1 WHERE name = 'enrolled' AND value > $1", [now]);
    return session.queryOne<FutureTimes>(
      `WITH ahead AS MATERIALIZED (SELECT uid, good, time FROM backy2_verified WHERE time > $1::bigint ORDER BY uid FOR UPDATE),
         redated AS (UPDATE backy2_verified AS known SET time = $1::bigint FROM ahead WHERE known.uid = ahead.uid)
       SELECT count(good) AS count, coalesce(max(time) - $1::bigint, 0) AS "aheadSeconds" FROM ahead`,
      [now],
    );
  });
}

/** See VerificationStore.enrolBlobs. */
export async function enrolBlobs(connection: PostgresConnection, startTime: number, onPiece: () => void): Promise<number> {
  const [state] = await connection.queryOwn<{ value: number }>("SELECT value FROM backy2_state WHERE name = 'enrolled'");
  let blobs = 0;
  for (let after = ''; ; ) {
    const piece = await connection.queryOne<{ blobs: number; last: string | null; unknown: number }>(
      `SELECT count(*) AS blobs, max(piece.uid) AS last, count(*) FILTER (WHERE known.uid IS NULL) AS unknown
       FROM ${PIECE} AS piece LEFT JOIN backy2_verified AS known ON known.uid = piece.uid`,
      [after],
    );
    const { last } = piece;
    if (last === null) break;
    const values = [after, last, state?.value ?? 0];
    if (piece.unknown > 0) {
      await connection.write((session) =>
        session.run(
          `INSERT INTO backy2_verified (uid, time, good)
           SELECT DISTINCT uid, $3::bigint, NULL::int FROM blocks WHERE uid > $1 AND uid <= $2 ORDER BY uid ON CONFLICT (uid) DO NOTHING`,
          values,
        ),
      );
    }
    blobs += piece.blobs;
    after = last;
    onPiece();
  }
  await connection.write((session) =>
    session.run(
      `INSERT INTO backy2_state (name, value) VALUES ('enrolled', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      [startTime],
    ),
  );
  return blobs;
}

const OTHER_COLUMNS = BLOCK_COLUMNS.split(', ').filter((column) => column !== 'uid');

/** See VerificationStore.longestUnchecked. */
export async function longestUnchecked(
  connection: PostgresConnection,
  { after, before, limit }: { after: CheckCursor | undefined; before: number; limit: number },
): Promise<{ blobs: BlobToCheck[]; cursor: CheckCursor | undefined }> {
  const found = await connection.queryOwn<CheckCursor & BlockRecord & { uid: string; versionUid: string | null }>(
    `SELECT known.time, known.uid, row."versionUid", ${OTHER_COLUMNS.map((column) => `row.${column}`).join(', ')}
     FROM (SELECT time, uid FROM backy2_verified WHERE (time, uid) > ($1::bigint, $2::text) AND time < $3 ORDER BY time, uid LIMIT $4) AS known
     LEFT JOIN LATERAL (SELECT version_uid AS "versionUid", ${OTHER_COLUMNS.join(', ')} FROM blocks WHERE uid = known.uid LIMIT 1) AS row ON true
     ORDER BY known.time, known.uid`,
    [after?.time ?? -1, after?.uid ?? '', before, limit],
  );
  const blobs: BlobToCheck[] = [];
  for (const row of found) {
    if (row.versionUid !== null) blobs.push({ ...toBlockRow(row), uid: row.uid, versionUid: row.versionUid });
  }
  const gone = found.filter(({ versionUid }) => versionUid === null).map(({ uid }) => uid);
  if (gone.length > 0) await connection.write((session) => forgetChecks(session, gone));
  const last = found.at(-1);
  return { blobs, cursor: last === undefined ? undefined : { time: last.time, uid: last.uid } };
}

/** Forgets blobs that are gone, within the caller's transaction. */
export async function forgetChecks(session: Session, uids: readonly string[]): Promise<void> {
  await session.run('DELETE FROM backy2_verified WHERE uid = ANY($1::text[])', [arrayOf(uids)]);
}

/** See VerificationStore.isNamed. */
export async function isNamed(connection: PostgresConnection, uid: string, checksum: string | null): Promise<boolean> {
  const sql = 'SELECT 1 FROM blocks WHERE uid = $1 AND checksum IS NOT DISTINCT FROM $2 LIMIT 1';
  return (await connection.query(sql, [uid, checksum])).length > 0;
}

/** See VerificationStore.coverage. */
export async function coverage(
  connection: PostgresConnection,
  { sinces, until, onPiece }: { sinces: readonly number[]; until: number; onPiece: () => void },
): Promise<Coverage> {
  const recent = sinces.map(
    (_, i) => sql`, count(*) FILTER (WHERE known.good = 1 AND known.time BETWEEN $${i + 3} AND $2) AS since${i}`,
  );
  const statement = sql`SELECT count(*) AS blobs, max(piece.uid) AS last, count(*) FILTER (WHERE known.good IS NULL) AS never,
      count(*) FILTER (WHERE known.good = 0) AS bad, count(*) FILTER (WHERE known.good IS NOT NULL AND known.time > $2) AS future${joinSql(recent, '')}
    FROM ${PIECE} AS piece LEFT JOIN backy2_verified AS known ON known.uid = piece.uid`;
  const total = { blobs: 0, never: 0, bad: 0, future: 0, verified: sinces.map(() => 0) };
  for (let after = ''; ; ) {
    const [piece] = await connection.queryOwn<Record<string, number> & { last: string | null }>(statement, [
      after,
      until,
      ...sinces,
    ]);
    if (piece === undefined || piece.last === null) break;
    for (const key of ['blobs', 'never', 'bad', 'future'] as const) total[key] += piece[key] ?? 0;
    total.verified = total.verified.map((count, i) => count + (piece[`since${i}`] ?? 0));
    after = piece.last;
    onPiece();
  }
  const [oldest] = await connection.queryOwn<CheckCursor>(
    `SELECT time, uid FROM backy2_verified AS known WHERE good = 1 AND EXISTS (SELECT 1 FROM blocks WHERE uid = known.uid)
     ORDER BY time, uid LIMIT 1`,
  );
  return { ...total, oldest };
}
