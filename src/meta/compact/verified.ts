import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SqlDatabase } from '../sql/database.ts';
import { readState, setState } from '../sql/state.ts';
import { joinSql, literal, type Sql, sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { forgetChecks, noteChecks } from '../sql/verified-steps.ts';
import type { BlobCheck, CheckCursor, Coverage } from '../verification-store.ts';
import type { BlobSet } from './blob-set.ts';
import { blobsById, blobsByUid } from './blobs.ts';
import { leafHash } from './leaf-sum.ts';
import { isSame, isSameForm } from './named-blobs.ts';
import { type Uncounted, uncounted } from './unused.ts';

/** Blobs that one statement looks at: SQLite blocks the thread for some 20 ms. */
const PIECE_BLOBS = 20_000;
/** Checks that are looked through for the oldest one of a blob that is used. */
const PAGE_CHECKS = 200;

/** See VerificationStore.recordChecks. */
export async function recordChecks(db: SqlDatabase, checks: readonly BlobCheck[], time: number): Promise<void> {
  await db.transaction(function* () {
    yield* noteChecks(db, checks, time);
    yield* trustImported(db, checks);
  });
}

/** Imported blobs become ordinary ones once they were found to hold what all their rows say. */
function* trustImported(db: SqlDatabase, checks: readonly BlobCheck[]): Steps<void> {
  const good = checks.filter((check) => check.good && check.content !== undefined);
  if (good.length === 0 || (yield* rowsOf(sql`SELECT 1 AS one FROM backy2_imported LIMIT 1`)).length === 0) return;
  const rows = yield* blobsByUid(
    db,
    good.map(({ uid }) => uid),
  );
  for (const { uid, content } of good) {
    if (content === undefined) continue;
    const same = rows.filter((row) => row.uid === uid && isSame(row.checksum, content.checksum));
    if (!same.every((row) => isSameForm(row, content))) continue;
    yield* run(sql`DELETE FROM backy2_imported WHERE uid = ${uid} AND checksum = ${content.checksum}`);
  }
}

/** A range of rows, of which some do not count. */
interface Piece {
  after: number;
  last: number;
  isCounted: Sql;
}

/** Calls `body` for some rows of blobs after the other. */
async function inPieces(db: SqlDatabase, { unused, doubles }: Uncounted, body: (piece: Piece) => Promise<void>): Promise<void> {
  for (let after = 0; ; ) {
    const start = after;
    const { last } = await db.queryOne<{ last: number | null }>(
      sql`SELECT max(id) AS last FROM (SELECT id FROM backy2_blobs WHERE id > ${start} ORDER BY id LIMIT ${PIECE_BLOBS}) AS piece`,
    );
    if (last === null) return;
    const left = [unused, doubles].flatMap((blobs) => [...blobs.between(start + 1, last)]);
    const isCounted = left.length === 0 ? sql`1 = 1` : sql`NOT (${db.dialect.among(sql`backy2_blobs.id`, left)})`;
    await body({ after, last, isCounted });
    after = last;
    await nextTurn();
  }
}

function blobsOfPiece({ after, last, isCounted }: Piece): Sql {
  return sql`backy2_blobs.id > ${after} AND backy2_blobs.id <= ${last} AND backy2_blobs.uid <> '' AND ${isCounted}`;
}

/**
 * See VerificationStore.enrolBlobs. Reads all leaves as well if there are candidates, and forgets
 * those that no leaf names: otherwise `longestUnchecked` would give them.
 */
export async function enrolBlobs(db: SqlDatabase, startTime: number, onPiece: () => void): Promise<number> {
  await db.makeSideTables();
  const hash = await leafHash();
  const since = await db.read(() => readState('enrolled'));
  const hidden = await db.read(() => uncounted(db, hash));
  await forgetUnused(db, hidden.unused);
  let blobs = 0;
  await inPieces(db, hidden, async (piece) => {
    const { count, unknown } = await db.queryOne<{ count: number; unknown: number }>(
      sql`SELECT count(*) AS count, count(*) FILTER (WHERE known.uid IS NULL) AS unknown
        FROM backy2_blobs LEFT JOIN backy2_verified AS known ON known.uid = backy2_blobs.uid WHERE ${blobsOfPiece(piece)}`,
    );
    blobs += count;
    if (unknown > 0)
      await db.transaction(() =>
        run(
          sql`INSERT INTO backy2_verified (uid, time, good)
            SELECT uid, CAST(${since} AS BIGINT), CAST(NULL AS INTEGER) FROM backy2_blobs WHERE ${blobsOfPiece(piece)}
            ORDER BY uid ON CONFLICT (uid) DO NOTHING`,
        ),
      );
    onPiece();
  });
  await db.transaction(() => run(setState('enrolled', startTime)));
  return blobs;
}

/** Pieces of up to `size` ids. */
function* pieces(ids: Iterable<number>, size: number): Generator<number[]> {
  let piece: number[] = [];
  for (const id of ids) {
    if (piece.push(id) < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

/** Forgets when blobs were verified of which all rows are unused. */
async function forgetUnused(db: SqlDatabase, unused: BlobSet): Promise<void> {
  for (const piece of pieces(unused.between(0, Number.POSITIVE_INFINITY), PIECE_BLOBS)) {
    const rows = await db.read(function* () {
      const found = yield* blobsById(db, piece);
      const uids = new Set(piece.flatMap((id) => found.get(id)?.uid || []));
      return yield* blobsByUid(db, [...uids]);
    });
    const used = new Set(rows.filter(({ id }) => !unused.has(id)).map(({ uid }) => uid));
    const gone = new Set(rows.flatMap(({ uid }) => (uid === null || used.has(uid) ? [] : uid)));
    if (gone.size > 0) await db.transaction(() => forgetChecks(db, [...gone]));
    await nextTurn();
  }
}

/** See VerificationStore.coverage. */
export async function coverage(
  db: SqlDatabase,
  sinces: readonly number[],
  until: number,
  onPiece: () => void,
): Promise<Coverage> {
  await db.makeSideTables();
  const hash = await leafHash();
  const hidden = await db.read(() => uncounted(db, hash));
  const total = { blobs: 0, never: 0, bad: 0, future: 0, verified: sinces.map(() => 0) };
  await inPieces(db, hidden, async (piece) => {
    const counts = await db.queryOne<Record<string, number>>(coverageOfPiece(piece, sinces, until));
    for (const key of ['blobs', 'never', 'bad', 'future'] as const) total[key] += counts[key] ?? 0;
    total.verified = total.verified.map((count, i) => count + (counts[`since${i}`] ?? 0));
    onPiece();
  });
  return { ...total, oldest: await db.read(() => oldestCheck(db, hidden.unused)) };
}

function coverageOfPiece(piece: Piece, sinces: readonly number[], until: number): Sql {
  const recent = sinces.map(
    (since, i) =>
      sql`, count(*) FILTER (WHERE known.good = 1 AND known.time BETWEEN ${since} AND ${until}) AS since${literal(i)}`,
  );
  return sql`SELECT count(*) AS blobs, count(*) FILTER (WHERE known.good IS NULL) AS never,
      count(*) FILTER (WHERE known.good = 0) AS bad,
      count(*) FILTER (WHERE known.good IS NOT NULL AND known.time > ${until}) AS future${joinSql(recent, '')}
    FROM backy2_blobs LEFT JOIN backy2_verified AS known ON known.uid = backy2_blobs.uid WHERE ${blobsOfPiece(piece)}`;
}

/** The oldest check of a good blob that some block has. */
function* oldestCheck(db: SqlDatabase, unused: BlobSet): Steps<CheckCursor | undefined> {
  for (let after: CheckCursor | undefined; ; ) {
    const checks: CheckCursor[] = yield* rowsOf<CheckCursor>(
      sql`SELECT time, uid FROM backy2_verified
        WHERE (time, uid) > (CAST(${after?.time ?? -1} AS BIGINT), CAST(${after?.uid ?? ''} AS VARCHAR(32))) AND good = 1
        ORDER BY time, uid LIMIT ${PAGE_CHECKS}`,
    );
    const rows = yield* blobsByUid(
      db,
      checks.map(({ uid }) => uid),
    );
    const used = new Set(rows.filter(({ id }) => !unused.has(id)).map(({ uid }) => uid));
    const oldest = checks.find(({ uid }) => used.has(uid));
    after = checks.at(-1);
    if (oldest !== undefined || after === undefined) return oldest;
  }
}
