import type { NameMemory } from '../name-store.ts';
import { noteChange, noteWhole } from '../sql/catalogue-marks.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { forgetVersion, lockVersion } from '../sql/version-steps.ts';
import { addCandidates, badBlobs } from './blobs.ts';
import { noteBlobs } from './catalogue-marks.ts';
import { addDigest, forgetDigest } from './checks.ts';
import { damaged } from './damage.ts';
import { LEAF_BLOCKS, type Leaf, ZERO } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, eachLeaf, leafPage, mapOf } from './maps.ts';

/** Leaves that one transaction removes: half a million blocks. */
const PIECE_LEAVES = 500;

/** See VersionStore.setVersionValid. */
export async function setVersionValid(db: SqlDatabase, uid: string): Promise<void> {
  const hash = await leafHash();
  await db.transaction(function* () {
    yield* lockVersion(db, uid);
    const map = yield* mapOf(uid);
    const bad = yield* badBlobs();
    const own = new Set<number>();
    if (map !== undefined && bad.size > 0)
      yield* eachLeaf(db, hash, { map: map.map, ...ALL_LEAVES }, ({ leaf }) => {
        for (const block of leaf) if (bad.has(block)) own.add(block);
      });
    if (own.size > 0) yield* run(sql`UPDATE backy2_blobs SET valid = 1 WHERE ${db.dialect.among(sql`id`, [...own])}`);
    if (map !== undefined) yield* addDigest(hash, map);
    // A scrub of a good version changes nothing.
    if ((yield* run(sql`UPDATE versions SET valid = 1 WHERE uid = ${uid} AND valid <> 1`)) > 0) yield* noteChange(uid);
    yield* noteBlobs(db, [...own]);
  }, 'judging');
}

/**
 * See VersionStore.removeVersion. Removes references to leaves, and the leaves that nothing refers
 * to any more; their blobs become candidates. A small version goes in one transaction.
 */
export async function removeVersion(
  db: SqlDatabase,
  uid: string,
  onProgress: (rowsRemoved: number) => void,
  memory?: NameMemory,
): Promise<number> {
  const hash = await leafHash();
  const build = await statementBuilder();
  let removed = 0;
  for (let isDone = false; !isDone; ) {
    const piece = await db.transaction(function* () {
      // Healing could have made the version valid in between.
      yield* run(sql`UPDATE versions SET valid = 0 WHERE uid = ${uid}`);
      yield* noteWhole(uid);
      const map = yield* mapOf(uid);
      if (map !== undefined) yield* forgetDigest(map);
      const { blocks, leaves } = map === undefined ? { blocks: 0, leaves: 0 } : yield* removePiece(db, hash, map);
      if (leaves === PIECE_LEAVES) return { blocks, isLast: false };
      yield* run(sql`DELETE FROM backy2_maps WHERE version_uid = ${uid}`);
      yield* forgetVersion(db, build, { uid, memory });
      return { blocks, isLast: true };
    }, 'judging');
    removed += piece.blocks;
    isDone = piece.isLast;
    onProgress(removed);
  }
  return removed;
}

interface Removed {
  blocks: number;
  leaves: number;
}

/** Removes the first leaves of a map. */
export function* removePiece(
  db: SqlDatabase,
  hash: LeafHash,
  { map, versionUid }: { map: number; versionUid: string },
): Steps<Removed> {
  // Two looks, since the leaf of zeros has thousands of references of the same map.
  const hasOther = sql`EXISTS (SELECT 1 FROM backy2_map_leaves AS other WHERE other.leaf = mine.leaf AND other.map < mine.map)
    OR EXISTS (SELECT 1 FROM backy2_map_leaves AS other WHERE other.leaf = mine.leaf AND other.map > mine.map)`;
  const refs = yield* rowsOf<{ idx: number; leaf: number; n: number; isOwn: number }>(
    sql`SELECT idx, leaf, n, CASE WHEN ${hasOther} THEN 0 ELSE 1 END AS "isOwn"
      FROM backy2_map_leaves AS mine JOIN backy2_leaves ON backy2_leaves.id = leaf WHERE map = ${map} ORDER BY idx LIMIT ${PIECE_LEAVES}`,
  );
  const end = refs.at(-1);
  const blocks = refs.reduce((sum, { n }) => sum + n, 0);
  if (end === undefined) return { blocks, leaves: 0 };
  const own = refs.filter(({ isOwn }) => isOwn === 1);
  yield* addCandidates(db, yield* blobsOnlyIn(db, hash, { map, versionUid }, own));
  yield* run(sql`DELETE FROM backy2_map_leaves WHERE map = ${map} AND idx <= ${end.idx}`);
  yield* run(
    sql`DELETE FROM backy2_leaves WHERE ${db.dialect.among(
      sql`id`,
      own.map(({ leaf }) => leaf),
    )} AND NOT EXISTS (SELECT 1 FROM backy2_map_leaves WHERE leaf = backy2_leaves.id)`,
  );
  return { blocks, leaves: refs.length };
}

/**
 * The blobs of a version's own leaves, without those that the neighbouring versions have at the
 * same place: most of them. Other versions may have the others all the same.
 * @throws BackyError `database` if a neighbour has one of these leaves.
 */
function* blobsOnlyIn(
  db: SqlDatabase,
  hash: LeafHash,
  { map, versionUid }: { map: number; versionUid: string },
  own: readonly { idx: number; leaf: number }[],
): Steps<Set<number>> {
  const blobs = new Set<number>();
  const [first, last] = [own[0]?.idx, own.at(-1)?.idx];
  if (first === undefined || last === undefined) return blobs;
  const where = sql`AND ${db.dialect.among(
    sql`idx`,
    own.map(({ idx }) => idx),
  )}`;
  const leafAt = new Map(own.map(({ idx, leaf }) => [idx, leaf]));
  const neighbours: Map<number, Leaf>[] = [];
  for (const other of yield* neighbourMaps(versionUid)) {
    const page = yield* leafPage(db, hash, { map: other, first, last, where });
    const shared = page.find(({ idx, id }) => leafAt.get(idx) === id);
    if (shared !== undefined) throw damaged(db, `index backy2_ix_map_leaves_leaf lacks leaf ${shared.id} of map ${other}`);
    neighbours.push(new Map(page.map(({ idx, leaf }) => [idx, leaf])));
  }
  for (const { idx, leaf } of yield* leafPage(db, hash, { map, first, last, where })) {
    const others = neighbours.flatMap((leaves) => leaves.get(idx) ?? []);
    for (let i = 0; i < LEAF_BLOCKS; i++) {
      const block = leaf[i] as number;
      if (block > ZERO && !others.some((other) => other[i] === block)) blobs.add(block);
    }
  }
  return blobs;
}

/** The maps of the versions of the same name just before and after one. */
function* neighbourMaps(versionUid: string): Steps<number[]> {
  const rows = yield* rowsOf<{ map: number; uid: string }>(
    sql`SELECT backy2_maps.id AS map, uid FROM versions JOIN backy2_maps ON version_uid = uid
      WHERE name = (SELECT name FROM versions WHERE uid = ${versionUid}) ORDER BY date, uid`,
  );
  const at = rows.findIndex(({ uid }) => uid === versionUid);
  return at < 0 ? [] : [rows[at - 1], rows[at + 1]].flatMap((row) => row?.map ?? []);
}
