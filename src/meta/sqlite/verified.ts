import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FutureTimes } from '../../model/reports.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from '../sql/rows.ts';
import { joinSql, sql } from '../sql/sql-text.ts';
import type { BlobCheck, BlobToCheck, CheckCursor, Coverage } from '../verification-store.ts';
import type { SqliteConnection } from './connection.ts';
import { trustImported } from './imported.ts';
import { readState, writeState } from './state.ts';

/** Uids that one statement looks at: some 20 ms. */
const PIECE_UIDS = 20_000;

/** A piece of all uids that rows name, in their order: the walk along the index on them. */
const PIECE = sql`(SELECT DISTINCT uid FROM blocks WHERE uid > ? ORDER BY uid LIMIT ${PIECE_UIDS})`;

/** See VerificationStore.recordChecks. */
export async function recordChecks(connection: SqliteConnection, checks: readonly BlobCheck[], time: number): Promise<void> {
  await connection.write(() => {
    const record = connection.prepare(
      `INSERT INTO backy2_verified (uid, time, good) VALUES (?, ?, ?)
       ON CONFLICT (uid) DO UPDATE SET time = excluded.time, good = excluded.good`,
    );
    for (const { uid, good } of checks) record.run(uid, time, good ? 1 : 0);
    trustImported(connection, checks);
  });
}

/** See VerificationStore.redateFutureChecks. */
export async function redateFutureChecks(connection: SqliteConnection, now: number): Promise<FutureTimes> {
  return connection.write(() => {
    if (readState(connection, 'enrolled') > now) writeState(connection, 'enrolled', now);
    const ahead = connection
      .prepare('SELECT count(good) AS count, max(time) AS latest FROM backy2_verified WHERE time > ?')
      .get(now) as { count: number; latest: number | null };
    connection.prepare('UPDATE backy2_verified SET time = ? WHERE time > ?').run(now, now);
    return { count: ahead.count, aheadSeconds: (ahead.latest ?? now) - now };
  });
}

/** See VerificationStore.enrolBlobs. */
export async function enrolBlobs(connection: SqliteConnection, startTime: number, onPiece: () => void): Promise<number> {
  const since = await connection.write(() => readState(connection, 'enrolled'));
  const look = connection.prepare(
    `SELECT count(*) AS blobs, max(piece.uid) AS last, coalesce(sum(known.uid IS NULL), 0) AS unknown
     FROM ${PIECE} AS piece LEFT JOIN backy2_verified AS known ON known.uid = piece.uid`,
  );
  const enrol = connection.prepare(
    `INSERT OR IGNORE INTO backy2_verified (uid, time, good) SELECT DISTINCT uid, ?, NULL FROM blocks WHERE uid > ? AND uid <= ?`,
  );
  let blobs = 0;
  for (let after = ''; ; ) {
    const piece = look.get(after) as { blobs: number; last: string | null; unknown: number };
    const { last } = piece;
    if (last === null) break;
    if (piece.unknown > 0) await connection.write(() => enrol.run(since, after, last));
    blobs += piece.blobs;
    after = last;
    onPiece();
    await nextTurn();
  }
  await connection.write(() => writeState(connection, 'enrolled', startTime));
  return blobs;
}

/** See VerificationStore.longestUnchecked. */
export async function longestUnchecked(
  connection: SqliteConnection,
  { after, before, limit }: { after: CheckCursor | undefined; before: number; limit: number },
): Promise<{ blobs: BlobToCheck[]; cursor: CheckCursor | undefined }> {
  const found = connection
    .prepare('SELECT time, uid FROM backy2_verified WHERE (time, uid) > (?, ?) AND time < ? ORDER BY time, uid LIMIT ?')
    .all(after?.time ?? -1, after?.uid ?? '', before, limit) as CheckCursor[];
  const use = connection.prepare(`SELECT version_uid AS versionUid, ${BLOCK_COLUMNS} FROM blocks WHERE uid = ? LIMIT 1`);
  const blobs: BlobToCheck[] = [];
  const gone: string[] = [];
  for (const { uid } of found) {
    const row = use.get(uid) as (BlockRecord & { versionUid: string }) | undefined;
    if (row === undefined) gone.push(uid);
    else blobs.push({ ...toBlockRow(row), uid, versionUid: row.versionUid });
  }
  if (gone.length > 0) await connection.write(() => forgetChecks(connection, gone));
  return { blobs, cursor: found.at(-1) };
}

/** Forgets blobs that are gone, within the caller's transaction. */
export function forgetChecks(connection: SqliteConnection, uids: readonly string[]): void {
  const forget = connection.prepare('DELETE FROM backy2_verified WHERE uid = ?');
  for (const uid of uids) forget.run(uid);
}

/** See VerificationStore.isNamed. */
export function isNamed(connection: SqliteConnection, uid: string, checksum: string | null): boolean {
  return connection.prepare('SELECT 1 FROM blocks WHERE uid = ? AND checksum IS ? LIMIT 1').get(uid, checksum) !== undefined;
}

/** See VerificationStore.coverage. */
export async function coverage(
  connection: SqliteConnection,
  { sinces, until, onPiece }: { sinces: readonly number[]; until: number; onPiece: () => void },
): Promise<Coverage> {
  // A write transaction makes sure that the side tables are there, in a database that the original made.
  await connection.write(() => {});
  const recent = sinces.map((_, i) => sql`, coalesce(sum(known.good = 1 AND known.time BETWEEN ? AND ?), 0) AS since${i}`);
  const look = connection.prepare(
    sql`SELECT count(*) AS blobs, max(piece.uid) AS last, coalesce(sum(known.good IS NULL), 0) AS never,
            coalesce(sum(known.good = 0), 0) AS bad, coalesce(sum(known.good IS NOT NULL AND known.time > ?), 0) AS future${joinSql(recent, '')}
     FROM ${PIECE} AS piece LEFT JOIN backy2_verified AS known ON known.uid = piece.uid`,
  );
  const total = { blobs: 0, never: 0, bad: 0, future: 0, verified: sinces.map(() => 0) };
  for (let after = ''; ; ) {
    const piece = look.get(until, ...sinces.flatMap((since) => [since, until]), after) as Record<string, number> & {
      last: string | null;
    };
    if (piece.last === null) break;
    for (const key of ['blobs', 'never', 'bad', 'future'] as const) total[key] += piece[key] ?? 0;
    total.verified = total.verified.map((count, i) => count + (piece[`since${i}`] ?? 0));
    after = piece.last;
    onPiece();
    await nextTurn();
  }
  const oldest = connection
    .prepare(
      `SELECT time, uid FROM backy2_verified AS known WHERE good = 1 AND EXISTS (SELECT 1 FROM blocks WHERE uid = known.uid)
       ORDER BY time, uid LIMIT 1`,
    )
    .get() as CheckCursor | undefined;
  return { ...total, oldest };
}
