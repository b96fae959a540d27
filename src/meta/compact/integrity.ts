import type { BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { CheckedPage, Damage } from '../integrity-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import { type BlobRecord, blobsById } from './blobs.ts';
import { isAltered } from './checks.ts';
import { countBlocks, decodeLeaf, LEAF_BLOCKS, type Leaf, MISSING, ZERO } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { isOdd, leafOf, mapOf, type VersionMap } from './maps.ts';
import { rowOfBlob, zeroRow } from './rows.ts';

/** See IntegrityStore.checkVersion. */
export async function checkVersion(db: SqlDatabase, versionUid: string): Promise<Damage[]> {
  const hash = await leafHash();
  return db.read(function* () {
    const map = yield* mapOf(versionUid);
    if (map === undefined) return [{ versionUid, problem: 'leaf', detail: 'it has no row in table backy2_maps' }];
    if (!(yield* isAltered(hash, map))) return [];
    return [
      { versionUid, problem: 'digest', detail: 'its leaves do not fit its digest: its blocks may be those of another version' },
    ];
  });
}

/** A reference to a leaf, and the leaf if it is there. */
interface FoundLeaf {
  idx: number;
  id: number;
  n: number | null;
  odd: number | null;
  sum: Buffer | null;
  data: Buffer | null;
}

/** See IntegrityStore.checkedPage. */
export async function checkedPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<CheckedPage> {
  const hash = await leafHash();
  return db.read(function* () {
    const page: CheckedPage = { rows: [], damage: [], after: undefined };
    const map = yield* mapOf(versionUid);
    if (map === undefined) return page;
    const most = Math.max(1, Math.floor(limit / LEAF_BLOCKS));
    const leaves = yield* rowsOf<FoundLeaf>(
      sql`SELECT idx, leaf AS id, n, odd, sum, data FROM backy2_map_leaves LEFT JOIN backy2_leaves ON backy2_leaves.id = leaf
        WHERE map = ${map.map} AND idx >= ${leafOf(afterId + 1)} ORDER BY idx LIMIT ${most}`,
    );
    for (const found of leaves) yield* checkLeaf(db, hash, { map, found, page });
    const end = leaves.at(-1);
    if (leaves.length === most && end !== undefined) page.after = (end.idx + 1) * LEAF_BLOCKS - 1;
    return page;
  });
}

interface LeafCheck {
  map: VersionMap;
  found: FoundLeaf;
  /** Gets what is found. */
  page: CheckedPage;
}

function* checkLeaf(db: SqlDatabase, hash: LeafHash, { map, found, page }: LeafCheck): Steps<void> {
  const { versionUid } = map;
  const leaf = readLeaf(hash, found);
  if (typeof leaf === 'string') {
    page.damage.push({ versionUid, range: rangeOf(map, found.idx), problem: 'leaf', detail: `leaf ${found.id} ${leaf}` });
    return;
  }
  const blobs = yield* blobsById(
    db,
    [...new Set(leaf)].filter((block) => block > ZERO),
  );
  let odd = 0;
  for (const [offset, block] of leaf.entries()) {
    if (block === MISSING) continue;
    const id = found.idx * LEAF_BLOCKS + offset;
    const row = rowOf(map, id, block, blobs.get(block));
    if (block !== ZERO && isOdd(map, blobs.get(block) ?? { uid: null, size: null })) odd++;
    if (typeof row === 'string') page.damage.push({ versionUid, range: { first: id, count: 1 }, problem: 'blob', detail: row });
    else page.rows.push(row);
  }
  const isWhole = page.damage.every(({ range }) => range === undefined || leafOf(range.first) !== found.idx);
  if (isWhole && odd !== found.odd)
    page.damage.push({ versionUid, problem: 'leaf', detail: `leaf ${found.id} counts ${found.odd} odd blocks, but has ${odd}` });
}

/** @returns what is wrong with it, if anything. */
function readLeaf(hash: LeafHash, { n, sum, data }: FoundLeaf): Leaf | string {
  if (sum === null || data === null) return 'has no row in table backy2_leaves';
  if (!hash(data).equals(sum)) return 'has another checksum';
  try {
    const leaf = decodeLeaf(data);
    return countBlocks(leaf) === n ? leaf : `counts ${n} blocks, but has ${countBlocks(leaf)}`;
  } catch (error) {
    return `can't be decoded: ${(error as Error).message}`;
  }
}

function rangeOf({ size }: VersionMap, idx: number): BlockRange {
  const first = idx * LEAF_BLOCKS;
  return { first, count: Math.max(1, Math.min(LEAF_BLOCKS, size - first)) };
}

/** @returns what is wrong with the block, if anything. */
function rowOf(map: VersionMap, id: number, block: number, blob: BlobRecord | undefined): BlockRow | string {
  if (block === ZERO) return zeroRow(map, id);
  if (blob === undefined) return `it names blob ${block}, which has no row in table backy2_blobs`;
  if ((blob.uid === null || blob.uid === '') && blob.checksum !== null && blob.checksum.length > 0)
    return 'it has a checksum, but names no blob';
  return rowOfBlob(id, blob);
}
