import type { NamedBlob, SampleRequest } from '../identity-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { randomIds } from '../sql/sample-starts.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { rowOf, type Steps } from '../sql/steps.ts';
import { asHex, IS_UNUSED, usable } from './blobs.ts';
import { toText } from './hex-bytes.ts';
import { LEAF_BLOCKS, ZERO } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, leafOf, leafPage, mapOf, type VersionMap } from './maps.ts';

/** Rows from a random point on that are looked at for one that is valid and has a blob. */
const NEAR_ROWS = 256;
/** And from the first one on, where random points found too few. */
const FIRST_ROWS = 1_000;
/** And leaves of a version, some at a time. */
const FIRST_LEAVES = 100;
const PAGE_LEAVES = 10;

/** A row as a driver gives it. */
interface FoundBlob {
  uid: string;
  /** Hex. */
  checksum: string;
}

/** Adds blobs to a sample. @returns whether more are wanted. */
type AddBlobs = (rows: readonly FoundBlob[]) => boolean;

/**
 * See IdentityStore.namesBlobs. Blobs of removed versions count until a cleanup has found that
 * nothing names them.
 */
export async function namesBlobs(db: SqlDatabase): Promise<boolean> {
  const named = sql`SELECT 1 AS one FROM backy2_blobs WHERE substr(uid, 1, 10) > '' AND NOT ${IS_UNUSED} LIMIT 1`;
  return (await db.query(named)).length > 0;
}

/** See IdentityStore.sampleBlobs. Never gives blobs that a cleanup may have deleted. */
export async function sampleBlobs(db: SqlDatabase, request: SampleRequest): Promise<NamedBlob[]> {
  const hash = await leafHash();
  const isUsable = await usable(db);
  return db.read(function* () {
    const blobs = new Map<string, NamedBlob>();
    const add = (rows: readonly FoundBlob[]) => {
      for (const { uid, checksum } of rows)
        if (blobs.size < request.limit) blobs.set(uid, { uid, checksum: toText(checksum) ?? '' });
      return blobs.size < request.limit;
    };
    const isGood = sql`valid >= ${request.alsoInvalid === true ? 0 : 1} AND uid > '' AND checksum IS NOT NULL AND ${isUsable}`;
    if (request.versionUid === undefined) yield* sampleAll(db, request, isGood, add);
    else {
      const map = yield* mapOf(request.versionUid);
      if (map !== undefined) yield* sampleVersion(db, hash, { map, request, isGood }, add);
    }
    return [...blobs.values()];
  });
}

function* sampleAll(db: SqlDatabase, { limit, random }: SampleRequest, isGood: Sql, add: AddBlobs): Steps<void> {
  const { last } = yield* rowOf<{ last: number | null }>(sql`SELECT max(id) AS last FROM backy2_blobs`);
  const starts = randomIds(limit, last ?? 0, random).map((start) => [start + 1]);
  const near = yield* db.dialect.each<FoundBlob>(
    starts,
    (start) => sql`SELECT uid, ${asHex(db, sql`checksum`)} FROM backy2_blobs
      WHERE id >= ${start} AND id < ${start} + ${NEAR_ROWS} AND ${isGood} ORDER BY id LIMIT 1`,
  );
  if (add(near)) add(yield* firstBlobs(db, isGood, Math.max(FIRST_ROWS, limit)));
}

function* firstBlobs(db: SqlDatabase, isGood: Sql, limit: number): Steps<FoundBlob[]> {
  return (yield sql`SELECT uid, ${asHex(db, sql`checksum`)} FROM backy2_blobs WHERE ${isGood} ORDER BY id LIMIT ${limit}`)
    .rows as FoundBlob[];
}

interface VersionSample {
  map: VersionMap;
  request: SampleRequest;
  isGood: Sql;
}

function* sampleVersion(db: SqlDatabase, hash: LeafHash, { map, request, isGood }: VersionSample, add: AddBlobs): Steps<void> {
  const { limit, random } = request;
  const near = new Set<number>();
  for (const id of randomIds(limit, map.size, random)) {
    const [found] = yield* leafPage(db, hash, { map: map.map, first: leafOf(id), last: ALL_LEAVES.last, most: 1 });
    const from = found?.idx === leafOf(id) ? id % LEAF_BLOCKS : 0;
    const block = found?.leaf.subarray(from, from + NEAR_ROWS).find((entry) => entry > ZERO);
    if (block !== undefined) near.add(block);
  }
  let isShort = add(yield* goodAmong(db, [...near], isGood));
  for (let first = 0, read = 0; isShort && read < FIRST_LEAVES; read += PAGE_LEAVES) {
    const page = yield* leafPage(db, hash, { map: map.map, first, last: ALL_LEAVES.last, most: PAGE_LEAVES });
    const end = page.at(-1);
    if (end === undefined) return;
    const blobs = new Set<number>();
    for (const { leaf } of page) for (const block of leaf) if (block > ZERO) blobs.add(block);
    isShort = add(yield* goodAmong(db, [...blobs], isGood));
    first = end.idx + 1;
  }
}

function* goodAmong(db: SqlDatabase, ids: readonly number[], isGood: Sql): Steps<FoundBlob[]> {
  if (ids.length === 0) return [];
  return (yield sql`SELECT uid, ${asHex(db, sql`checksum`)} FROM backy2_blobs WHERE ${db.dialect.among(sql`id`, ids)} AND ${isGood}`)
    .rows as FoundBlob[];
}
