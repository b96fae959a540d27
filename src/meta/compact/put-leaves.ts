import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { encodeLeaf, type Leaf } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';

/** A leaf to write. */
export interface NewLeaf {
  idx: number;
  leaf: Leaf;
  n: number;
  odd: number;
}

/**
 * Puts leaves into a map, in place of those that it has there. One that equals another leaf becomes
 * a further reference to it. Leaves that nothing refers to any more are deleted. The number of
 * statements does not depend on that of leaves.
 */
export function* putLeaves(db: SqlDatabase, hash: LeafHash, map: number, leaves: readonly NewLeaf[]): Steps<void> {
  const { dialect } = db;
  const before = yield* lockedLeaves(db, map, leaves);
  const ids = yield* storeLeaves(db, hash, leaves);
  const changed = leaves.filter(({ idx }) => before.get(idx) !== ids.get(idx));
  const [kept, empty] = [changed.filter(({ idx }) => ids.has(idx)), changed.filter(({ idx }) => !ids.has(idx))];
  const refs = [
    { name: sql`map`, type: 'number', values: kept.map(() => map) },
    { name: sql`idx`, type: 'number', values: kept.map(({ idx }) => idx) },
    { name: sql`leaf`, type: 'number', values: kept.map(({ idx }) => ids.get(idx) ?? 0) },
  ] as const;
  yield* dialect.insertRows(sql`backy2_map_leaves`, refs, sql`ON CONFLICT (map, idx) DO UPDATE SET leaf = excluded.leaf`);
  const isEmpty = dialect.among(
    sql`idx`,
    empty.map(({ idx }) => idx),
  );
  if (empty.length > 0) yield* run(sql`DELETE FROM backy2_map_leaves WHERE map = ${map} AND ${isEmpty}`);
  yield* dropLeaves(
    db,
    changed.flatMap(({ idx }) => before.get(idx) ?? []),
  );
}

/**
 * The leaves that a map has at the places of others, by place. Two transactions that replace the
 * same leaf take turns: without that, each would leave it to the other one to delete it.
 */
function* lockedLeaves({ dialect }: SqlDatabase, map: number, places: readonly { idx: number }[]): Steps<Map<number, number>> {
  const isPlace = dialect.among(
    sql`idx`,
    places.map(({ idx }) => idx),
  );
  const rows = yield* rowsOf<{ idx: number; leaf: number }>(
    sql`SELECT idx, leaf FROM backy2_map_leaves WHERE map = ${map} AND ${isPlace}`,
  );
  const leaves = rows.map(({ leaf }) => leaf);
  if (leaves.length > 0 && dialect.lockLeaves !== undefined) yield* run(dialect.lockLeaves(leaves));
  return new Map(rows.map(({ idx, leaf }) => [idx, leaf]));
}

/** The bytes of a leaf, and their checksum. */
interface EncodedLeaf extends Pick<NewLeaf, 'n' | 'odd'> {
  data: Buffer;
  sum: Buffer;
}

/** @returns the id of an equal leaf, or of a new one, by place. Leaves without blocks have none. */
function* storeLeaves(db: SqlDatabase, hash: LeafHash, leaves: readonly NewLeaf[]): Steps<Map<number, number>> {
  const places = new Map<string, number[]>();
  const encoded: EncodedLeaf[] = [];
  for (const { idx, leaf, n, odd } of leaves) {
    if (n === 0) continue;
    const data = encodeLeaf(leaf);
    const key = data.toString('latin1');
    const same = places.get(key);
    if (same === undefined) encoded.push({ data, sum: hash(data), n, odd });
    places.set(key, [...(same ?? []), idx]);
  }
  const ids = yield* leafIds(db, encoded);
  return new Map([...places.values()].flatMap((all, i) => all.map((idx) => [idx, ids[i] as number] as const)));
}

/** The ids of leaves that are all different, in their order. Adds those that are missing. */
function* leafIds({ dialect }: SqlDatabase, leaves: readonly EncodedLeaf[]): Steps<(number | undefined)[]> {
  const same = yield* dialect.each<{ place: number; id: number }>(
    leaves.map(({ sum, n, odd, data }, place) => [sum, n, odd, data, place]),
    (sum, n, odd, data, place) =>
      sql`SELECT ${place} AS place, id FROM backy2_leaves WHERE sum = ${sum} AND n = ${n} AND odd = ${odd} AND data = ${data} LIMIT 1`,
  );
  const ids: (number | undefined)[] = new Array(leaves.length);
  for (const { place, id } of same) ids[place] = id;
  const missing = leaves.flatMap((leaf, place) => (ids[place] === undefined ? { ...leaf, place } : []));
  const added = yield* dialect.newIds('backy2_leaves', missing.length);
  yield* dialect.insertRows(sql`backy2_leaves`, [
    { name: sql`id`, type: 'number', values: added },
    { name: sql`n`, type: 'number', values: missing.map(({ n }) => n) },
    { name: sql`odd`, type: 'number', values: missing.map(({ odd }) => odd) },
    { name: sql`sum`, type: 'bytes', values: missing.map(({ sum }) => sum) },
    { name: sql`data`, type: 'bytes', values: missing.map(({ data }) => data) },
  ]);
  for (const [i, { place }] of missing.entries()) ids[place] = added[i];
  return ids;
}

/** Deletes those of the leaves that no map refers to. */
function* dropLeaves({ dialect }: SqlDatabase, leaves: readonly number[]): Steps<void> {
  if (leaves.length === 0) return;
  const isDropped = dialect.among(sql`id`, leaves);
  yield* run(
    sql`DELETE FROM backy2_leaves WHERE ${isDropped} AND NOT EXISTS (SELECT 1 FROM backy2_map_leaves WHERE leaf = backy2_leaves.id)`,
  );
}
