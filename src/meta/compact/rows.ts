import type { BlockRow, DatedBlockRow } from '../../model/block.ts';
import { fromStoredDate } from '../../model/dates.ts';
import { groupBy } from '../../model/group-by.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import type { Steps } from '../sql/steps.ts';
import { type BlobRecord, blobsById } from './blobs.ts';
import { damaged } from './damage.ts';
import { toText } from './hex-bytes.ts';
import { LEAF_BLOCKS, MISSING, ZERO } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, leafOf, leafPage, mapOf, type VersionMap, zeroLength } from './maps.ts';

/** Leaves that are read for a page, unless it needs fewer. */
const FEW_LEAVES = 20;

/** More blocks of a leaf than these are decoded together. */
const FEW_BLOCKS = 4;

/** A block of a version. */
interface Entry {
  id: number;
  /** A blob, or {@link ZERO}. */
  block: number;
}

/** Up to `limit` blocks with ids above `afterId`, in the order of ids. */
function* entriesAfter(
  db: SqlDatabase,
  hash: LeafHash,
  map: VersionMap,
  { afterId, limit }: { afterId: number; limit: number },
): Steps<Entry[]> {
  const entries: Entry[] = [];
  for (let first = leafOf(afterId + 1); entries.length < limit; ) {
    const most = Math.min(FEW_LEAVES, Math.ceil(limit / LEAF_BLOCKS) + 1);
    const page = yield* leafPage(db, hash, { map: map.map, first, last: ALL_LEAVES.last, most });
    for (const { idx, leaf } of page)
      for (let offset = 0, id = idx * LEAF_BLOCKS; offset < LEAF_BLOCKS; offset++, id++)
        if (id > afterId && leaf[offset] !== MISSING && entries.length < limit)
          entries.push({ id, block: leaf[offset] as number });
    const end = page.at(-1);
    if (end === undefined) break;
    first = end.idx + 1;
  }
  return entries;
}

/** The rows of blobs that entries name. */
function blobsOf(db: SqlDatabase, entries: readonly Entry[]): Steps<Map<number, BlobRecord>> {
  return blobsById(db, blocksOf(entries));
}

function blocksOf(entries: readonly Entry[]): number[] {
  const blocks = new Set<number>();
  for (const { block } of entries) if (block !== ZERO) blocks.add(block);
  return [...blocks];
}

/** The row of a block as it would be in table `blocks`. */
function rowOfEntry(db: SqlDatabase, map: VersionMap, { id, block }: Entry, blobs: ReadonlyMap<number, BlobRecord>): BlockRow {
  if (block === ZERO) return zeroRow(map, id);
  const blob = blobs.get(block);
  if (blob === undefined) throw damaged(db, `block ${id} of version ${map.versionUid} names blob ${block}, which has no row`);
  return rowOfBlob(id, blob);
}

/** The row of a zero block. */
export function zeroRow(map: VersionMap, id: number): BlockRow {
  const plain = { valid: true, encVersion: 0, envKey: null, nonce: null };
  return { id, uid: null, checksum: null, size: zeroLength(map, id) ?? 0, ...plain };
}

/** The row of a block with this blob. */
export function rowOfBlob(id: number, blob: BlobRecord): BlockRow {
  const isSparse = blob.uid === null || blob.uid === '';
  return {
    id,
    uid: isSparse ? null : blob.uid,
    checksum: isSparse ? null : toText(blob.checksum),
    size: blob.size ?? 0,
    valid: blob.valid !== 0,
    encVersion: blob.enc_version,
    envKey: toText(blob.envkey),
    nonce: toText(blob.nonce),
  };
}

/** See BlockStore.blockPage. */
export async function blockPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<BlockRow[]> {
  return (await page(db, versionUid, { afterId, limit })).rows;
}

/** See TransferStore.datedBlockPage. Rows have the date of their version. */
export async function datedBlockPage(
  db: SqlDatabase,
  versionUid: string,
  afterId: number,
  limit: number,
): Promise<DatedBlockRow[]> {
  const { rows, date } = await page(db, versionUid, { afterId, limit });
  const dated = { date: fromStoredDate(date) };
  return rows.map((row) => Object.assign(row, dated));
}

async function page(
  db: SqlDatabase,
  versionUid: string,
  range: { afterId: number; limit: number },
): Promise<{ rows: BlockRow[]; date: string }> {
  const hash = await leafHash();
  return db.read(function* () {
    const map = yield* mapOf(versionUid);
    if (map === undefined) return { rows: [], date: '' };
    return { rows: yield* rowsAfter(db, hash, map, range), date: map.date };
  });
}

/** The rows of up to `limit` blocks with ids above `afterId`. */
export function* rowsAfter(
  db: SqlDatabase,
  hash: LeafHash,
  map: VersionMap,
  range: { afterId: number; limit: number },
): Steps<BlockRow[]> {
  const entries = yield* entriesAfter(db, hash, map, range);
  const blobs = yield* blobsOf(db, entries);
  return entries.map((entry) => rowOfEntry(db, map, entry, blobs));
}

/** See BlockStore.blocksById. */
export async function blocksById(db: SqlDatabase, versionUid: string, ids: readonly number[]): Promise<BlockRow[]> {
  const hash = await leafHash();
  return db.read(function* () {
    const map = yield* mapOf(versionUid);
    if (map === undefined) return [];
    const entries = yield* entriesById(db, hash, map, ids);
    const blobs = yield* blobsOf(db, entries);
    return entries.map((entry) => rowOfEntry(db, map, entry, blobs));
  });
}

/** The blocks that exist among `ids`, in the order of `ids`. */
function* entriesById(db: SqlDatabase, hash: LeafHash, map: VersionMap, ids: readonly number[]): Steps<Entry[]> {
  const byLeaf = groupBy(ids, leafOf);
  const places = [...byLeaf.keys()].sort((a, b) => a - b);
  const where = sql`AND ${db.dialect.among(sql`idx`, places)}`;
  const found = new Map<number, number>();
  for (let [first, last] = [places[0] ?? 0, places.at(-1) ?? -1]; first <= last; ) {
    const leaves = yield* leafPage(db, hash, { map: map.map, first, last, where });
    for (const placed of leaves) {
      const wanted = byLeaf.get(placed.idx) ?? [];
      const leaf = wanted.length > FEW_BLOCKS ? placed.leaf : undefined;
      for (const id of wanted) {
        const offset = id - placed.idx * LEAF_BLOCKS;
        const block = leaf?.[offset] ?? placed.blockAt(offset);
        if (block !== MISSING) found.set(id, block);
      }
    }
    const end = leaves.at(-1);
    if (end === undefined) break;
    first = end.idx + 1;
  }
  return ids.flatMap((id) => {
    const block = found.get(id);
    return block === undefined ? [] : [{ id, block }];
  });
}
