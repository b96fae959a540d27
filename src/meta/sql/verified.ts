import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StoredBlob } from '../../model/blob.ts';
import type { FutureTimes } from '../../model/reports.ts';
import type { BlobCheck, CheckCursor, Coverage } from '../verification-store.ts';
import type { SqlDatabase } from './database.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from './rows.ts';
import { readState, setState } from './state.ts';
import { joinSql, literal, type Sql, sql } from './statement.ts';
import { rowOf, run } from './steps.ts';
import { blobsToCheck, noteChecks, oldestChecks, trustImported } from './verified-steps.ts';

/** Uids that one statement looks at: SQLite blocks the thread for some 20 ms. */
const PIECE_UIDS = 20_000;

/** A piece of all uids that rows name, in the order of the index, each with its last check. */
function pieceAfter(uid: string): Sql {
  return sql`(SELECT DISTINCT uid FROM blocks WHERE uid > ${uid} ORDER BY uid LIMIT ${PIECE_UIDS}) AS piece
    LEFT JOIN backy2_verified AS known ON known.uid = piece.uid`;
}

/** See VerificationStore.recordChecks. */
export async function recordChecks(db: SqlDatabase, checks: readonly BlobCheck[], time: number): Promise<void> {
  await db.transaction(function* () {
    yield* noteChecks(db, checks, time);
    yield* trustImported(db, checks);
  });
}

/** See VerificationStore.redateFutureChecks. */
export function redateFutureChecks(db: SqlDatabase, now: number): Promise<FutureTimes> {
  return db.transaction(function* () {
    yield* run(sql`UPDATE backy2_state SET value = ${now} WHERE name = 'enrolled' AND value > ${now}`);
    const { count, latest } = yield* rowOf<{ count: number; latest: number | null }>(
      sql`SELECT count(good) AS count, max(time) AS latest FROM backy2_verified WHERE time > ${now}`,
    );
    yield* run(sql`UPDATE backy2_verified SET time = ${now} WHERE time > ${now}`);
    return { count, aheadSeconds: (latest ?? now) - now };
  });
}

/** See VerificationStore.enrolBlobs. */
export async function enrolBlobs(db: SqlDatabase, startTime: number, onPiece: () => void): Promise<number> {
  await db.makeSideTables();
  const since = await db.read(() => readState('enrolled'));
  let blobs = 0;
  for (let after = ''; ; ) {
    const start = after;
    const piece = await db.queryOne<{ blobs: number; last: string | null; unknown: number }>(
      sql`SELECT count(*) AS blobs, max(piece.uid) AS last, count(*) FILTER (WHERE known.uid IS NULL) AS unknown
        FROM ${pieceAfter(start)}`,
    );
    const { last } = piece;
    if (last === null) break;
    if (piece.unknown > 0) {
      const enrol = sql`INSERT INTO backy2_verified (uid, time, good)
        SELECT DISTINCT uid, CAST(${since} AS BIGINT), CAST(NULL AS INTEGER) FROM blocks WHERE uid > ${start} AND uid <= ${last}
        ORDER BY uid ON CONFLICT (uid) DO NOTHING`;
      await db.transaction(() => run(enrol));
    }
    blobs += piece.blobs;
    after = last;
    onPiece();
    await nextTurn();
  }
  await db.transaction(() => run(setState('enrolled', startTime)));
  return blobs;
}

/** See VerificationStore.longestUnchecked. */
export async function longestUnchecked(
  db: SqlDatabase,
  after: CheckCursor | undefined,
  before: number,
  limit: number,
): Promise<{ blobs: StoredBlob[]; cursor: CheckCursor | undefined }> {
  await db.makeSideTables();
  const found = await db.query<CheckCursor>(oldestChecks(after, before, limit));
  const named = await db.queryEach<BlockRecord & { uid: string }>(
    found.map(({ uid }) => [uid]),
    (uid) => sql`SELECT ${BLOCK_COLUMNS} FROM blocks WHERE uid = ${uid} LIMIT 1`,
  );
  return blobsToCheck(db, found, new Map(named.map((record) => [record.uid, toBlockRow(record)])));
}

/** See VerificationStore.isNamed. */
export async function isNamed(db: SqlDatabase, uid: string, checksum: string | null): Promise<boolean> {
  const statement = sql`SELECT 1 AS one FROM blocks WHERE uid = ${uid} AND checksum IS NOT DISTINCT FROM ${checksum} LIMIT 1`;
  return (await db.query(statement)).length > 0;
}

/** See VerificationStore.coverage. */
export async function coverage(
  db: SqlDatabase,
  sinces: readonly number[],
  until: number,
  onPiece: () => void,
): Promise<Coverage> {
  await db.makeSideTables();
  const total = { blobs: 0, never: 0, bad: 0, future: 0, verified: sinces.map(() => 0) };
  for (let after = ''; ; ) {
    const piece = await db.queryOne<Record<string, number> & { last: string | null }>(coverageOfPiece(after, sinces, until));
    if (piece.last === null) break;
    for (const key of ['blobs', 'never', 'bad', 'future'] as const) total[key] += piece[key] ?? 0;
    total.verified = total.verified.map((count, i) => count + (piece[`since${i}`] ?? 0));
    after = piece.last;
    onPiece();
    await nextTurn();
  }
  const [oldest] = await db.query<CheckCursor>(
    sql`SELECT time, uid FROM backy2_verified AS known
      WHERE good = 1 AND EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = known.uid) ORDER BY time, uid LIMIT 1`,
  );
  return { ...total, oldest };
}

function coverageOfPiece(after: string, sinces: readonly number[], until: number): Sql {
  const recent = sinces.map(
    (since, i) =>
      sql`, count(*) FILTER (WHERE known.good = 1 AND known.time BETWEEN ${since} AND ${until}) AS since${literal(i)}`,
  );
  return sql`SELECT count(*) AS blobs, max(piece.uid) AS last, count(*) FILTER (WHERE known.good IS NULL) AS never,
      count(*) FILTER (WHERE known.good = 0) AS bad,
      count(*) FILTER (WHERE known.good IS NOT NULL AND known.time > ${until}) AS future${joinSql(recent, '')}
    FROM ${pieceAfter(after)}`;
}
