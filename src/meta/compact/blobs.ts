import type { BlockContent } from '../../model/block.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { literal, type Sql, sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { toBytes } from './hex-bytes.ts';
import { ZERO } from './leaf.ts';
import type { PlacedLeaf } from './placed-leaf.ts';

/** A row of `backy2_blobs` as a driver gives it. Bytes are hex; see {@link toText}. */
export interface BlobRecord {
  id: number;
  uid: string | null;
  checksum: string | null;
  size: number | null;
  valid: number;
  enc_version: number;
  envkey: string | null;
  nonce: string | null;
}

/** A new row of `backy2_blobs`; valid unless it says otherwise. */
export type NewBlob = Omit<BlockContent, 'size'> & { size: number | null; valid?: boolean };

/** A column of bytes, as hex. */
export function asHex({ dialect }: SqlDatabase, column: Sql): Sql {
  return sql`${dialect.toHex(column)} AS ${column}`;
}

/** The columns of a {@link BlobRecord}. */
export function blobColumns(db: SqlDatabase): Sql {
  const [envkey, nonce] = [asHex(db, sql`envkey`), asHex(db, sql`nonce`)];
  return sql`id, uid, ${asHex(db, sql`checksum`)}, size, valid, enc_version, ${envkey}, ${nonce}`;
}

/**
 * Column `scanned` of a candidate: a search has found that no leaf names its blob, and none may
 * again. Otherwise it has the number of the last search that listed it, or 0.
 */
export const UNUSED = literal(-1);

/** A condition: the blob is {@link UNUSED}. */
export const IS_UNUSED = sql`EXISTS (SELECT 1 FROM backy2_candidates WHERE blob = backy2_blobs.id AND scanned = ${UNUSED})`;

/** A condition: no cleanup deletes the blob, or has deleted it. Further blocks may name it. */
export const IS_USABLE = sql`NOT ${IS_UNUSED} AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = backy2_blobs.uid)`;

/** {@link IS_USABLE} for readers, which don't make side tables that are missing. */
export async function usable(db: SqlDatabase): Promise<Sql> {
  return (await db.query(db.dialect.hasTable('backy2_doomed'))).length > 0 ? IS_USABLE : sql`NOT ${IS_UNUSED}`;
}

/** A condition: the blob has this uid. By the index. */
export function hasUid(uid: Sql): Sql {
  return sql`substr(backy2_blobs.uid, 1, 10) = substr(${uid}, 1, 10) AND backy2_blobs.uid = ${uid}`;
}

/** A condition: the blob has this checksum. By the index. */
export function hasChecksum(checksum: Sql): Sql {
  return sql`substr(backy2_blobs.checksum, 1, 8) = substr(${checksum}, 1, 8) AND backy2_blobs.checksum = ${checksum}`;
}

/** Adds rows. @returns their ids, which ascend. */
export function* insertBlobs({ dialect }: SqlDatabase, blobs: readonly NewBlob[]): Steps<number[]> {
  const ids = yield* dialect.newIds('backy2_blobs', blobs.length);
  yield* dialect.insertRows(sql`backy2_blobs`, [
    { name: sql`id`, type: 'number', values: ids },
    { name: sql`uid`, type: 'text', values: blobs.map(({ uid }) => uid) },
    { name: sql`checksum`, type: 'bytes', values: blobs.map(({ checksum }) => toBytes(checksum)) },
    { name: sql`size`, type: 'number', values: blobs.map(({ size }) => size) },
    { name: sql`valid`, type: 'number', values: blobs.map(({ valid }) => (valid === false ? 0 : 1)) },
    { name: sql`enc_version`, type: 'number', values: blobs.map(({ encVersion }) => encVersion) },
    { name: sql`envkey`, type: 'bytes', values: blobs.map(({ envKey }) => toBytes(envKey)) },
    { name: sql`nonce`, type: 'bytes', values: blobs.map(({ nonce }) => toBytes(nonce)) },
  ]);
  return ids;
}

/** The rows with these ids, by id; there may be others among them. */
export function* blobsById(db: SqlDatabase, ids: readonly number[]): Steps<Map<number, BlobRecord>> {
  if (ids.length === 0) return new Map();
  const rows = yield* rowsOf<BlobRecord>(sql`SELECT ${blobColumns(db)} FROM backy2_blobs WHERE ${isAmong(db, ids)}`);
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * The blobs of a leaf, if some of them may be without a uid or have another size than the block
 * size; otherwise undefined.
 */
export function* blobsOfOdd(
  db: SqlDatabase,
  { leaf, odd }: Pick<PlacedLeaf, 'leaf' | 'odd'>,
): Steps<Map<number, BlobRecord> | undefined> {
  if (odd === 0) return undefined;
  return yield* blobsById(
    db,
    [...leaf].filter((block) => block > ZERO),
  );
}

/**
 * A condition: the blob has one of these ids, or one between them. Most blocks of a version were
 * stored in their order: a range is quicker than a list.
 */
export function isAmong({ dialect }: SqlDatabase, ids: readonly number[]): Sql {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const id of ids) {
    first = Math.min(first, id);
    last = Math.max(last, id);
  }
  return last - first < 1.25 * ids.length ? sql`id BETWEEN ${first} AND ${last}` : dialect.among(sql`id`, ids);
}

/** The rows with these uids, in any order. */
export function blobsByUid(db: SqlDatabase, uids: readonly string[], where = sql``): Steps<BlobRecord[]> {
  const columns = blobColumns(db);
  return db.dialect.each<BlobRecord>(
    uids.map((uid) => [uid]),
    (uid) => sql`SELECT ${columns} FROM backy2_blobs WHERE ${hasUid(uid)} ${where}`,
  );
}

/** The highest id of a blob. A row is there before a leaf names it. */
export async function lastBlob(db: SqlDatabase): Promise<number> {
  return (await db.queryOne<{ last: number }>(sql`SELECT coalesce(max(id), 0) AS last FROM backy2_blobs`)).last;
}

/** The ids of all rows that are known to be bad: usually none. */
export function* badBlobs(): Steps<Set<number>> {
  const rows = yield* rowsOf<{ id: number }>(sql`SELECT id FROM backy2_blobs WHERE valid = 0`);
  return new Set(rows.map(({ id }) => id));
}

/**
 * Makes blobs candidates for deletion, dated now. One that is a candidate already begins its hour
 * again, and a search that runs must not judge it.
 */
export function* addCandidates({ dialect }: SqlDatabase, blobs: Iterable<number>): Steps<void> {
  const ids = [...new Set(blobs)].sort((a, b) => a - b);
  if (ids.length === 0) return;
  const [clock] = yield* rowsOf<{ now: number }>(sql`SELECT ${dialect.nowSeconds()} AS now`);
  const columns = [
    { name: sql`blob`, type: 'number', values: ids },
    { name: sql`time`, type: 'number', values: ids.map(() => clock?.now ?? 0) },
  ] as const;
  yield* dialect.insertRows(
    sql`backy2_candidates`,
    columns,
    sql`ON CONFLICT (blob) DO UPDATE SET time = excluded.time, scanned = 0`,
  );
}

/** Rescues blobs that blocks name again: they are no candidates any more. */
export function* rescue({ dialect }: SqlDatabase, blobs: Iterable<number>): Steps<void> {
  const ids = [...blobs];
  if (ids.length > 0) yield* run(sql`DELETE FROM backy2_candidates WHERE ${dialect.among(sql`blob`, ids)}`);
}
