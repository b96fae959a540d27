import type { BlockRow } from '../../model/block.ts';
import type { RowIds } from '../block-store.ts';
import { isStray } from './block-conditions.ts';
import { blockRecords, KEYED_COLUMNS, type KeyedRecord, withoutOthers } from './block-records.ts';
import type { SqlDatabase } from './database.ts';
import { toBlockRow } from './rows.ts';
import { sql } from './statement.ts';
import { rowsOf, run } from './steps.ts';

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
 * See BlockStore.markBlockInvalid. No transaction can name the blob at the same time: its row would
 * stay valid.
 */
export function markBlockInvalid(db: SqlDatabase, uid: string, checksum: string | null): Promise<string[]> {
  const isSame = sql`uid = ${uid} AND checksum IS NOT DISTINCT FROM ${checksum}`;
  return db.transaction(function* () {
    yield* run(sql`UPDATE blocks SET valid = 0 WHERE ${isSame}`);
    const marked = yield* rowsOf<{ uid: string; date: string }>(
      sql`UPDATE versions SET valid = 0 WHERE uid IN (SELECT version_uid FROM blocks WHERE ${isSame}) RETURNING uid, date`,
    );
    if (checksum !== null) yield* run(sql`INSERT INTO backy2_bad (checksum) VALUES (${checksum}) ON CONFLICT DO NOTHING`);
    return marked.sort((a, b) => (a.date < b.date ? -1 : 1)).map((version) => version.uid);
  }, 'judging');
}
