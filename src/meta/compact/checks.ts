import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run, type Steps } from '../sql/steps.ts';
import { LEAF_BLOCKS, MISSING } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';
import { ALL_LEAVES, eachLeaf, leafOf, leafPage, type VersionMap } from './maps.ts';

/** How the blocks of a version fit its size. */
export interface FittingBlocks {
  /** Blocks with ids from 0 to size - 1. */
  fitting: number;
  /** All others. */
  stray: number;
}

/** Counts the blocks of a version. Reads at most one leaf. */
export function* fittingBlocks(
  db: SqlDatabase,
  hash: LeafHash,
  { map, size }: Pick<VersionMap, 'map' | 'size'>,
): Steps<FittingBlocks> {
  const end = leafOf(size);
  const rows = yield* rowsOf<{ part: number; blocks: number }>(
    sql`SELECT CASE WHEN idx < 0 OR idx > ${end} THEN 2 WHEN idx = ${end} THEN 1 ELSE 0 END AS part, sum(n) AS blocks
      FROM backy2_map_leaves JOIN backy2_leaves ON backy2_leaves.id = leaf WHERE map = ${map} GROUP BY 1`,
  );
  const blocks = (part: number) => rows.find((row) => row.part === part)?.blocks ?? 0;
  let last = 0;
  if (blocks(1) > 0)
    for (const { leaf } of yield* leafPage(db, hash, { map, first: end, last: end }))
      for (let i = 0; i < size - end * LEAF_BLOCKS; i++) if (leaf[i] !== MISSING) last++;
  return { fitting: blocks(0) + last, stray: blocks(2) + blocks(1) - last };
}

/** Whether a version has any of these blobs. Reads no leaf if there are none. */
export function* namesAny(db: SqlDatabase, hash: LeafHash, map: VersionMap, blobs: ReadonlySet<number>): Steps<boolean> {
  let isFound = false;
  if (blobs.size === 0) return false;
  yield* eachLeaf(db, hash, { map: map.map, ...ALL_LEAVES }, ({ leaf }) => {
    isFound ||= leaf.some((block) => blobs.has(block));
  });
  return isFound;
}

/** The digest of the leaves of a map: that of all numbers and checksums, in their order. */
function* digestOf(hash: LeafHash, map: number): Steps<Buffer> {
  const leaves = yield* rowsOf<{ idx: number; sum: Buffer }>(
    sql`SELECT idx, sum FROM backy2_map_leaves JOIN backy2_leaves ON backy2_leaves.id = leaf WHERE map = ${map} ORDER BY idx`,
  );
  const bytes = Buffer.alloc(leaves.length * 12);
  for (const [i, { idx, sum }] of leaves.entries()) {
    bytes.writeInt32BE(idx, i * 12);
    sum.copy(bytes, i * 12 + 4);
  }
  return hash(bytes);
}

/** Saves the digest of a whole version. */
export function* digestMap(hash: LeafHash, { map }: Pick<VersionMap, 'map'>): Steps<void> {
  yield* run(sql`UPDATE backy2_maps SET digest = ${yield* digestOf(hash, map)} WHERE id = ${map}`);
}

/** Saves the digest of a version that was found whole, unless it has one. */
export function* addDigest(hash: LeafHash, { map }: Pick<VersionMap, 'map'>): Steps<void> {
  if ((yield* savedDigest(map)) === null) yield* digestMap(hash, { map });
}

/** MUST come before each change of the leaves of a map: a finished version can get some, too. */
export function* forgetDigest({ map }: Pick<VersionMap, 'map'>): Steps<void> {
  yield* run(sql`UPDATE backy2_maps SET digest = NULL WHERE id = ${map} AND digest IS NOT NULL`);
}

/** Whether the leaves of a map are not those that its version was finished with. */
export function* isAltered(hash: LeafHash, { map }: Pick<VersionMap, 'map'>): Steps<boolean> {
  const digest = yield* savedDigest(map);
  return digest !== null && !digest.equals(yield* digestOf(hash, map));
}

/** Null: the version has not been finished. */
function* savedDigest(map: number): Steps<Buffer | null> {
  const { digest } = yield* rowOf<{ digest: Buffer | null }>(sql`SELECT digest FROM backy2_maps WHERE id = ${map}`);
  return digest;
}
