import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SqlDatabase } from '../sql/database.ts';
import { readState, setState } from '../sql/state.ts';
import { joinSql, literal, type Sql, sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run, type Steps } from '../sql/steps.ts';
import { forgetChecks, noteChecks, oldestChecks } from '../sql/verified-steps.ts';
import type { BlobCheck, BlobToCheck, CheckCursor, Coverage } from '../verification-store.ts';
import type { BlobSet } from './blob-set.ts';
import { type BlobRecord, blobsByUid } from './blobs.ts';
import { LEAF_BLOCKS } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { isSame, isSameForm } from './named-blobs.ts';
import { rowOfBlob } from './rows.ts';
import { holdersOf, scanPage, usesOf } from './scan.ts';
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

/** See VerificationStore.enrolBlobs. Reads all leaves as well if there are candidates. */
export async function enrolBlobs(db: SqlDatabase, startTime: number, onPiece: () => void): Promise<number> {
  await db.makeSideTables();
  const hash = await leafHash();
  const since = await db.read(() => readState('enrolled'));
  const hidden = await db.read(() => uncounted(db, hash));
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

/**
 * See VerificationStore.longestUnchecked. Reads leaves, to find blocks that have the blobs: ask for
 * many at a time.
 */
export async function longestUnchecked(
  db: SqlDatabase,
  after: CheckCursor | undefined,
  before: number,
  limit: number,
): Promise<{ blobs: BlobToCheck[]; cursor: CheckCursor | undefined }> {
  await db.makeSideTables();
  const hash = await leafHash();
  const { found, rows } = await db.read(function* () {
    const found = yield* rowsOf<CheckCursor>(oldestChecks(after, before, limit));
    const rows = yield* blobsByUid(
      db,
      found.map(({ uid }) => uid),
    );
    return { found, rows };
  });
  const byUid = await placesOf(db, hash, rows);
  const gone = found.map(({ uid }) => uid).filter((uid) => !byUid.has(uid));
  if (gone.length > 0) await db.transaction(() => forgetChecks(db, gone));
  return { blobs: found.flatMap(({ uid }) => byUid.get(uid) ?? []), cursor: found.at(-1) };
}

/** One block for each uid that any block has. Reads leaves until all are found. */
async function placesOf(db: SqlDatabase, hash: LeafHash, rows: readonly BlobRecord[]): Promise<Map<string, BlobToCheck>> {
  const wanted = new Set(rows.map(({ uid }) => uid));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const places = new Map<string, BlobToCheck>();
  for (let after = 0; places.size < wanted.size; await nextTurn()) {
    const start = after;
    const { page, uses } = await db.read(function* () {
      const page = yield* scanPage(db, hash, start);
      const ids = page.map(({ id }) => id);
      return { page, uses: ids.length === 0 ? [] : yield* usesOf(db, ids) };
    });
    const byLeaf = new Map(uses.map((use) => [use.leaf, use]));
    for (const { id, leaf } of page) {
      const use = byLeaf.get(id);
      for (let offset = 0; use !== undefined && offset < LEAF_BLOCKS; offset++) {
        const row = byId.get(leaf[offset] as number);
        if (row === undefined || row.uid === null || places.has(row.uid)) continue;
        const block = rowOfBlob(use.idx * LEAF_BLOCKS + offset, row);
        places.set(row.uid, { ...block, uid: row.uid, versionUid: use.versionUid });
      }
    }
    const end = page.at(-1);
    if (end === undefined) break;
    after = end.id;
  }
  return places;
}

/** See VerificationStore.isNamed. Reads all leaves if the blob is a candidate. */
export async function isNamed(db: SqlDatabase, uid: string, checksum: string | null): Promise<boolean> {
  const hash = await leafHash();
  return db.read(function* () {
    const rows = yield* blobsByUid(db, [uid]);
    const ids = rows.filter((row) => isSame(row.checksum, checksum)).map(({ id }) => id);
    const { n } = yield* rowOf<{ n: number }>(
      sql`SELECT count(*) AS n FROM backy2_candidates WHERE ${db.dialect.among(sql`blob`, ids)}`,
    );
    return n < ids.length || (yield* holdersOf(db, hash, new Set(ids))).length > 0;
  });
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
