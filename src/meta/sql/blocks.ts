import type { BlockRow } from '../../model/block.ts';
import type { BlobHolder, BlobName, RowIds } from '../block-store.ts';
import { isStray } from './block-conditions.ts';
import { blockRecords, KEYED_COLUMNS, type KeyedRecord, withoutOthers } from './block-records.ts';
import { noteRows } from './catalogue-marks.ts';
import type { SqlDatabase } from './database.ts';
import { toBlockRow } from './rows.ts';
import { sql } from './statement.ts';
import { run, type Steps } from './steps.ts';
import { invalidate } from './version-steps.ts';

/** Ids of stray rows that messages name. */
const STRAY_EXAMPLES = 3;

/** See BlockStore.countBlocks. */
export async function countBlocks(db: SqlDatabase, versionUid: string): Promise<number> {
  return (await db.queryOne<{ n: number }>(sql`SELECT count(*) AS n FROM blocks WHERE version_uid = ${versionUid}`)).n;
}

/** See BlockStore.checkIds. */
export async function checkIds(db: SqlDatabase, versionUid: string, size: number): Promise<RowIds> {
  const { rows, stray } = await db.queryOne<{ rows: number; stray: number }>(
    sql`SELECT count(*) AS rows, count(*) FILTER (WHERE ${isStray(db, size)}) AS stray FROM blocks WHERE version_uid = ${versionUid}`,
  );
  if (stray === 0) return { fitting: rows, stray, examples: [] };
  const examples = await db.query<{ text: string }>(
    sql`SELECT CAST(id AS VARCHAR(32)) AS text FROM blocks WHERE version_uid = ${versionUid} AND ${isStray(db, size)}
      ORDER BY id LIMIT ${STRAY_EXAMPLES}`,
  );
  return { fitting: rows - stray, stray, examples: examples.map(({ text }) => text) };
}

/** See BlockStore.blockPage. */
export async function blockPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<BlockRow[]> {
  return (await blockRecords(db, versionUid, afterId, limit)).map(toBlockRow);
}

/** See BlockStore.blocksById. */
export async function blocksById(db: SqlDatabase, versionUid: string, ids: readonly number[]): Promise<BlockRow[]> {
  const records = await db.query<KeyedRecord>(
    sql`SELECT ${KEYED_COLUMNS} FROM ${db.dialect.blocksByKey} WHERE version_uid = ${versionUid} AND ${db.dialect.among(sql`id`, ids)}`,
  );
  const byId = new Map(withoutOthers(db, versionUid, records).map((record) => [record.id, record]));
  return ids.flatMap((id) => byId.get(id) ?? []).map(toBlockRow);
}

/**
 * See BlockStore.markBlobsInvalid. No transaction can name a blob at the same time: its row would
 * stay valid.
 */
export function markBlobsInvalid(db: SqlDatabase, blobs: readonly BlobName[]): Promise<BlobHolder[][]> {
  const { dialect } = db;
  return db.transaction(function* () {
    const holders = yield* dialect.each<PlacedHolder>(
      blobs.map(({ uid, checksum }, place) => [uid, checksum ?? '', place]),
      (uid, checksum, place) =>
        sql`SELECT ${place} AS place, version_uid AS "versionUid", CAST(min(id) AS BIGINT) AS id FROM blocks
          WHERE uid = ${uid} AND coalesce(checksum, '') = ${checksum} GROUP BY version_uid`,
    );
    const isBad = sql`${dialect.among(
      sql`uid`,
      blobs.map(({ uid }) => uid),
    )} AND (uid, coalesce(checksum, '')) IN
      (SELECT value ->> 'uid', value ->> 'checksum' FROM ${dialect.jsonRows(blobs.map(({ uid, checksum }) => ({ uid, checksum: checksum ?? '' })))})`;
    const marked = yield* markVersions(db, blobs.length, holders);
    yield* noteRows(db, sql`${isBad} AND valid <> 0`);
    yield* run(sql`UPDATE blocks SET valid = 0 WHERE ${isBad}`);
    const held = new Set(holders.map(({ place }) => place));
    yield* noteBad(
      db,
      blobs.filter((_, place) => held.has(place)),
    );
    return marked;
  }, 'judging');
}

/** Notes contents that a later backup may mend. */
function* noteBad({ dialect }: SqlDatabase, blobs: readonly BlobName[]): Steps<void> {
  const checksums = [...new Set(blobs.flatMap(({ checksum }) => checksum ?? []))];
  // WHERE tells SQLite that ON begins no join.
  yield* run(
    sql`INSERT INTO backy2_bad (checksum) SELECT uid FROM ${dialect.uids(checksums)} WHERE 1 = 1 ON CONFLICT DO NOTHING`,
  );
}

/** A holder of the blob at this place of a list. */
export interface PlacedHolder extends BlobHolder {
  place: number;
}

/**
 * Marks versions with bad blobs. @returns for each blob of the list, its versions, oldest first.
 */
export function* markVersions(db: SqlDatabase, blobs: number, holders: readonly PlacedHolder[]): Steps<BlobHolder[][]> {
  const uids = [...new Set(holders.map(({ versionUid }) => versionUid))];
  const marked = yield* invalidate(db, db.dialect.among(sql`uid`, uids));
  const order = new Map(marked.map((uid, i) => [uid, i]));
  const byBlob: BlobHolder[][] = Array.from({ length: blobs }, () => []);
  for (const { place, versionUid, id } of holders) if (order.has(versionUid)) byBlob[place]?.push({ versionUid, id });
  const orderOf = ({ versionUid }: BlobHolder) => order.get(versionUid) ?? 0;
  for (const list of byBlob) list.sort((a, b) => orderOf(a) - orderOf(b));
  return byBlob;
}
