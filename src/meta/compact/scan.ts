import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import type { Leaf } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';
import { checkedLeaf } from './placed-leaf.ts';

/** Leaves that one statement reads: 2 MB. */
const PAGE_LEAVES = 500;

/** A leaf of any versions. */
export interface ScannedLeaf {
  id: number;
  leaf: Leaf;
}

/**
 * A page of all leaves behind one, in the order of ids; empty at the end. A leaf that replaces
 * another has a higher id: so no block is missed that is there all the time, even if pages are read
 * in transactions of their own. About 10 µs for each leaf.
 */
export function* scanPage(db: SqlDatabase, hash: LeafHash, afterId: number): Steps<ScannedLeaf[]> {
  const records = yield* rowsOf<{ id: number; sum: Buffer; data: Buffer }>(
    sql`SELECT id, sum, data FROM backy2_leaves WHERE id > ${afterId} ORDER BY id LIMIT ${PAGE_LEAVES}`,
  );
  return records.map((record) => ({ id: record.id, leaf: checkedLeaf(db, hash, record) }));
}

/** A leaf that has some of the blobs that were looked for. */
export interface Holder {
  leaf: number;
  /** Places of such blobs within the leaf. */
  places: { offset: number; blob: number }[];
}

/** The leaves that have any of these blobs. Reads all leaves. */
export function* holdersOf(db: SqlDatabase, hash: LeafHash, blobs: ReadonlySet<number>): Steps<Holder[]> {
  const holders: Holder[] = [];
  if (blobs.size === 0) return holders;
  for (let after = 0; ; ) {
    const page = yield* scanPage(db, hash, after);
    for (const { id, leaf } of page) {
      const places: Holder['places'] = [];
      for (let offset = 0; offset < leaf.length; offset++)
        if (blobs.has(leaf[offset] as number)) places.push({ offset, blob: leaf[offset] as number });
      if (places.length > 0) holders.push({ leaf: id, places });
    }
    const end = page.at(-1);
    if (end === undefined) return holders;
    after = end.id;
  }
}

/** A reference to a leaf. */
export interface LeafUse {
  leaf: number;
  versionUid: string;
  idx: number;
}

/** The versions that refer to these leaves. */
export function usesOf({ dialect }: SqlDatabase, leaves: readonly number[]): Steps<LeafUse[]> {
  return rowsOf<LeafUse>(
    sql`SELECT leaf, version_uid AS "versionUid", idx FROM backy2_map_leaves JOIN backy2_maps ON backy2_maps.id = map
      WHERE ${dialect.among(sql`leaf`, leaves)} ORDER BY map, idx`,
  );
}
