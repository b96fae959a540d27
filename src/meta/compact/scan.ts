import { setImmediate as nextTurn } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import type { Leaf } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';
import { checkedLeaf, type LeafRecord } from './placed-leaf.ts';

/** Leaves that one statement reads: 2 MB. */
export const PAGE_LEAVES = 500;

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
  const records = yield* recordPage({ ...EVERY_LEAF, after: afterId });
  return records.map((record) => ({ id: record.id, leaf: checkedLeaf(db, hash, record) }));
}

/** A leaf as a driver gives it. */
type ScannedRecord = Pick<LeafRecord, 'id' | 'sum' | 'data'>;

function recordPage({ after, last }: LeafRange): Steps<ScannedRecord[]> {
  return rowsOf<ScannedRecord>(
    sql`SELECT id, sum, data FROM backy2_leaves WHERE id > ${after} AND id <= ${last} ORDER BY id LIMIT ${PAGE_LEAVES}`,
  );
}

/** A leaf that has some of the blobs that were looked for. */
export interface Holder {
  leaf: number;
  /** Places of such blobs within the leaf. */
  places: { offset: number; blob: number }[];
}

/** Leaves above one, up to another. */
export interface LeafRange {
  after: number;
  last: number;
}

/** All leaves. */
export const EVERY_LEAF: LeafRange = { after: 0, last: Number.MAX_SAFE_INTEGER };

/** The leaves of a range that have any of these blobs. */
export function* holdersOf(db: SqlDatabase, hash: LeafHash, blobs: ReadonlySet<number>, range = EVERY_LEAF): Steps<Holder[]> {
  const holders: Holder[] = [];
  if (blobs.size === 0) return holders;
  for (let after = range.after; ; ) {
    const page = yield* holderPage(db, hash, blobs, { ...range, after });
    holders.push(...page.holders);
    if (page.end === undefined) return holders;
    after = page.end;
  }
}

/** The same outside of a transaction. Others may write meanwhile. */
export async function findHolders(
  db: SqlDatabase,
  hash: LeafHash,
  blobs: ReadonlySet<number>,
  range = EVERY_LEAF,
): Promise<Holder[]> {
  const holders: Holder[] = [];
  if (blobs.size === 0) return holders;
  for (let after = range.after; ; await nextTurn()) {
    const start = after;
    const page = await db.read(() => holderPage(db, hash, blobs, { ...range, after: start }));
    holders.push(...page.holders);
    if (page.end === undefined) return holders;
    after = page.end;
  }
}

/**
 * Looks through one page of leaves. Damaged ones count as having none of the blobs: a check of
 * their versions says more. @returns the last leaf of the page too; undefined: there are no more.
 */
function* holderPage(
  db: SqlDatabase,
  hash: LeafHash,
  blobs: ReadonlySet<number>,
  range: LeafRange,
): Steps<{ holders: Holder[]; end: number | undefined }> {
  const holders: Holder[] = [];
  const records = yield* recordPage(range);
  for (const record of records) {
    const places: Holder['places'] = [];
    const leaf = leafUnlessDamaged(db, hash, record) ?? [];
    for (let offset = 0; offset < leaf.length; offset++)
      if (blobs.has(leaf[offset] as number)) places.push({ offset, blob: leaf[offset] as number });
    if (places.length > 0) holders.push({ leaf: record.id, places });
  }
  return { holders, end: records.at(-1)?.id };
}

function leafUnlessDamaged(db: SqlDatabase, hash: LeafHash, record: ScannedRecord): Leaf | undefined {
  try {
    return checkedLeaf(db, hash, record);
  } catch (error) {
    if (error instanceof BackyError && error.code === 'database') return undefined;
    throw error;
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
