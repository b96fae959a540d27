import type { NamedBlob, SampleRequest } from '../identity-store.ts';
import { isBlockId } from './block-conditions.ts';
import type { SqlDatabase } from './database.ts';
import { randomIds, randomUids } from './sample-starts.ts';
import { type Sql, sql } from './statement.ts';
import { rowOf, rowsOf, run, type Steps } from './steps.ts';

/** Rows from a random point on that are looked at for one that is valid and has a blob. */
const NEAR_ROWS = 256;
/** And from the first row of a version on, where random points found too few. */
const FIRST_ROWS = 100_000;
/** And different uids from the lowest on, in all versions, or as many as are wanted. */
const FIRST_UIDS = 256;

/** See IdentityStore.storeId. Makes no table: a host that only reads may not. */
export async function storeId(db: SqlDatabase): Promise<string | undefined> {
  if ((await db.query(db.dialect.hasTable('backy2_store'))).length === 0) return undefined;
  return db.read(keptId);
}

/** See IdentityStore.keepStoreId. */
export function keepStoreId(db: SqlDatabase, id: string): Promise<string> {
  return db.transaction(function* () {
    yield* run(sql`INSERT INTO backy2_store (slot, id) VALUES (1, ${id}) ON CONFLICT (slot) DO NOTHING`);
    return (yield* keptId()) ?? id;
  });
}

function* keptId(): Steps<string | undefined> {
  const [row] = yield* rowsOf<{ id: string }>(sql`SELECT id FROM backy2_store`);
  return row?.id;
}

/** See IdentityStore.namesBlobs. */
export async function namesBlobs(db: SqlDatabase): Promise<boolean> {
  return (await db.query(sql`SELECT 1 AS one FROM blocks WHERE uid > '' LIMIT 1`)).length > 0;
}

/** See IdentityStore.sampleBlobs. */
export async function sampleBlobs(db: SqlDatabase, request: SampleRequest): Promise<NamedBlob[]> {
  const { limit, versionUid } = request;
  const blobs = new Map<string, NamedBlob>();
  const add = (rows: readonly NamedBlob[]) => {
    for (const row of rows) if (blobs.size < limit) blobs.set(row.uid, row);
  };
  const isGood = sql`valid >= ${request.alsoInvalid === true ? 0 : 1} AND uid > ''`;
  if (versionUid === undefined) {
    const starts = randomUids(limit, request.random).map((start) => [start]);
    add(await db.queryEach(starts, (start) => near(sql`uid > ${start} ORDER BY uid`, isGood)));
    if (blobs.size < limit) add(await blobsOfFirstUids(db, isGood, Math.max(FIRST_UIDS, limit)));
  } else {
    const size = await db.read(() => sizeOf(db, versionUid));
    const starts = randomIds(limit, size, request.random).map((start) => [start]);
    const ofVersion = sql`version_uid = ${versionUid}`;
    add(await db.queryEach(starts, (start) => near(sql`${ofVersion} AND id >= ${start} ORDER BY id`, isGood)));
    if (blobs.size < limit) add(await db.query(first(sql`${ofVersion} ORDER BY id`, isGood, limit)));
  }
  return [...blobs.values()];
}

/** The first good blob at or near a point. */
function near(start: Sql, isGood: Sql): Sql {
  return sql`SELECT uid, checksum FROM (SELECT uid, checksum, valid FROM blocks WHERE ${start} LIMIT ${NEAR_ROWS}) AS near
    WHERE ${isGood} LIMIT 1`;
}

function first(start: Sql, isGood: Sql, limit: number): Sql {
  return sql`SELECT DISTINCT uid, checksum
    FROM (SELECT uid, checksum, valid FROM blocks WHERE ${start} LIMIT ${FIRST_ROWS}) AS first WHERE ${isGood} LIMIT ${limit}`;
}

/** One look into the index for each uid, however many rows name it. */
async function blobsOfFirstUids(db: SqlDatabase, isGood: Sql, most: number): Promise<NamedBlob[]> {
  const uids = await db.query<{ uid: string }>(
    sql`WITH RECURSIVE walk (uid, n) AS (
        SELECT (SELECT min(uid) FROM blocks WHERE uid > ''), 1
        UNION ALL
        SELECT (SELECT min(uid) FROM blocks WHERE uid > walk.uid), n + 1 FROM walk WHERE walk.uid IS NOT NULL AND n < ${most})
      SELECT uid FROM walk WHERE uid IS NOT NULL`,
  );
  return db.queryEach(
    uids.map(({ uid }) => [uid]),
    (uid) => sql`SELECT uid, checksum FROM blocks WHERE uid = ${uid} AND ${isGood} LIMIT 1`,
  );
}

function* sizeOf(db: SqlDatabase, versionUid: string): Steps<number> {
  const { last } = yield* rowOf<{ last: number | null }>(
    sql`SELECT max(id) AS last FROM blocks WHERE version_uid = ${versionUid} AND ${isBlockId(db)}`,
  );
  return (last ?? -1) + 1;
}
