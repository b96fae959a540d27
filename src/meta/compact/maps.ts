import { blockLength, type Geometry } from '../../model/geometry.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run, type Steps } from '../sql/steps.ts';
import { leadsToOtherMap } from './damage.ts';
import { LEAF_BLOCKS } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';
import { type LeafRecord, PlacedLeaf } from './placed-leaf.ts';

/** The map of a version: where its leaves are. */
export interface VersionMap {
  map: number;
  versionUid: string;
  /** Blocks of the version. */
  size: number;
  sizeBytes: number;
  /** Null until the first block is committed. */
  blockSize: number | null;
  date: string;
}

/** Leaves that one statement reads: 2 MB. */
const PAGE_LEAVES = 500;

/** The number of the leaf of a block. Damaged rows may have ids below 0. */
export const leafOf = (id: number): number => Math.floor(id / LEAF_BLOCKS);

/**
 * The map of a version; undefined if there is no such version. SQLite would take the version from
 * the index: with a flipped bit in the rowid of an entry, another version's map would look right.
 * So the row is read by its id, with its own version.
 * @throws BackyError `database` for such an entry.
 */
export function* mapOf(versionUid: string): Steps<VersionMap | undefined> {
  const [found] = yield* rowsOf<VersionMap>(
    sql`SELECT entry.id AS map, own.version_uid AS "versionUid", size, size_bytes AS "sizeBytes", own.block_size AS "blockSize", date
      FROM backy2_maps AS entry JOIN versions ON versions.uid = entry.version_uid LEFT JOIN backy2_maps AS own ON own.id = entry.id
      WHERE entry.version_uid = ${versionUid}`,
  );
  if (found !== undefined && found.versionUid !== versionUid) throw leadsToOtherMap(versionUid);
  return found;
}

/** The image of a version. Without a block size it has no block. */
function geometryOf({ blockSize, sizeBytes }: VersionMap): Geometry {
  return { blockSize: blockSize ?? 1, sizeBytes };
}

/** The length of a zero block, which has no row of its own. */
export function zeroLength(map: VersionMap, id: number): number | undefined {
  return map.blockSize !== null && id >= 0 && id < map.size ? blockLength(geometryOf(map), id) : undefined;
}

/** Whether a blob counts as odd in the leaves of a version; see {@link PlacedLeaf}. */
export function isOdd({ blockSize }: VersionMap, { uid, size }: { uid: string | null; size: number | null }): boolean {
  return size !== blockSize || uid === null || uid === '';
}

/** Adds a map. @returns its id. */
export function* insertMap({ dialect }: SqlDatabase, versionUid: string): Steps<number> {
  const [map = 0] = yield* dialect.newIds('backy2_maps', 1);
  yield* run(sql`INSERT INTO backy2_maps (id, version_uid) VALUES (${map}, ${versionUid})`);
  return map;
}

/** Leaves to read. */
interface LeavesRequest {
  map: number;
  /** The first and the last number of a leaf. */
  first: number;
  last: number;
  /** A further condition. */
  where?: Sql;
  /** Fewer leaves in a page. */
  most?: number;
}

/** The leaves of a map in a range, up to some hundred of them, in their order. */
export function* leafPage(db: SqlDatabase, hash: LeafHash, request: LeavesRequest): Steps<PlacedLeaf[]> {
  const { map, first, last, where = sql``, most = PAGE_LEAVES } = request;
  const records = yield* rowsOf<LeafRecord>(
    sql`SELECT idx, backy2_leaves.id AS id, n, odd, sum, data
      FROM backy2_map_leaves JOIN backy2_leaves ON backy2_leaves.id = leaf
      WHERE map = ${map} AND idx >= ${first} AND idx <= ${last} ${where} ORDER BY idx LIMIT ${most}`,
  );
  return records.map((record) => new PlacedLeaf(db, hash, record));
}

/** The same for all of a range, page by page. */
export function* eachLeaf(
  db: SqlDatabase,
  hash: LeafHash,
  request: LeavesRequest,
  body: (leaf: PlacedLeaf) => Steps<void> | void,
): Steps<void> {
  for (let first = request.first; first <= request.last; ) {
    const page = yield* leafPage(db, hash, { ...request, first });
    for (const leaf of page) {
      const steps = body(leaf);
      if (steps !== undefined) yield* steps;
    }
    const end = page.at(-1);
    if (page.length < PAGE_LEAVES || end === undefined) return;
    first = end.idx + 1;
  }
}

/** Numbers of all leaves, those of damaged rows too. */
export const ALL_LEAVES = { first: -(2 ** 22), last: 2 ** 31 - 1 };

/** How many blocks a map has. */
export function* blocksOfMap(map: number): Steps<number> {
  const { blocks } = yield* rowOf<{ blocks: number }>(
    sql`SELECT coalesce(sum(n), 0) AS blocks FROM backy2_map_leaves JOIN backy2_leaves ON backy2_leaves.id = leaf WHERE map = ${map}`,
  );
  return blocks;
}
