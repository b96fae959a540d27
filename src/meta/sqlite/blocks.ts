import type { BlobOfBlock, BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { RowIds } from '../block-store.ts';
import { LAST_ID, STRAY_EXAMPLES } from '../sql/row-ids.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from '../sql/rows.ts';
import type { SqliteConnection } from './connection.ts';

/** SQLite keeps texts and fractions in a column of integers, and compares with them: `'x' > 5`. */
export const IS_ID = `typeof(id) = 'integer' AND id <= ${LAST_ID}`;

/** See BlockStore.blockPage: keyset pages, because an open iterator would refuse writes on the same connection. */
export function blockRecords(connection: SqliteConnection, versionUid: string, afterId: number, limit: number): BlockRecord[] {
  const sql = `SELECT ${BLOCK_COLUMNS} FROM blocks WHERE version_uid = ? AND id > ? AND ${IS_ID} ORDER BY id LIMIT ?`;
  return connection.prepare(sql).all(versionUid, afterId, limit) as BlockRecord[];
}

/** See ReportStore.blobPage. */
export function blobPage(connection: SqliteConnection, versionUid: string, afterId: number, limit: number): BlobOfBlock[] {
  const sql = `SELECT id, nullif(uid, '') AS uid FROM blocks WHERE version_uid = ? AND id > ? AND ${IS_ID} ORDER BY id LIMIT ?`;
  return connection.prepare(sql).all(versionUid, afterId, limit) as BlobOfBlock[];
}

/** See BlockStore.blocksById. */
export function blocksById(connection: SqliteConnection, versionUid: string, ids: readonly number[]): BlockRow[] {
  const sql = `SELECT ${BLOCK_COLUMNS} FROM blocks WHERE version_uid = ? AND id = ?`;
  const rows: BlockRow[] = [];
  for (const id of ids) {
    const record = connection.prepare(sql).get(versionUid, id) as BlockRecord | undefined;
    if (record !== undefined) rows.push(toBlockRow(record));
  }
  return rows;
}

/** See BlockStore.countBlocks. */
export function countBlocks(connection: SqliteConnection, versionUid: string): number {
  return (connection.prepare('SELECT count(*) AS n FROM blocks WHERE version_uid = ?').get(versionUid) as { n: number }).n;
}

const IS_STRAY = "(typeof(id) <> 'integer' OR id < 0 OR id >= ?)";

/** See BlockStore.checkIds. */
export function checkIds(connection: SqliteConnection, versionUid: string, size: number): RowIds {
  const { rows, stray } = connection
    .prepare(`SELECT count(*) AS rows, coalesce(sum(${IS_STRAY}), 0) AS stray FROM blocks WHERE version_uid = ?`)
    .get(size, versionUid) as { rows: number; stray: number };
  if (stray === 0) return { fitting: rows, stray, examples: [] };
  const examples = connection
    .prepare(
      `SELECT CAST(id AS TEXT) AS id FROM blocks WHERE version_uid = ? AND ${IS_STRAY} ORDER BY blocks.id LIMIT ${STRAY_EXAMPLES}`,
    )
    .all(versionUid, size) as { id: string }[];
  return { fitting: rows - stray, stray, examples: examples.map(({ id }) => id) };
}

/** See BackupStore.presentBlocks: runs of ids are found inside the database. */
export function presentBlocks(connection: SqliteConnection, versionUid: string, range: BlockRange): BlockRange[] {
  const sql = `SELECT min(id) AS first, count(*) AS count FROM
    (SELECT id, id - row_number() OVER (ORDER BY id) AS run FROM blocks WHERE version_uid = ? AND id >= ? AND id < ? AND ${IS_ID})
    GROUP BY run ORDER BY first`;
  return connection.prepare(sql).all(versionUid, range.first, range.first + range.count) as BlockRange[];
}

const SAME = 'uid = ? AND checksum IS ?';

/** See BlockStore.markBlockInvalid. */
export async function markBlockInvalid(connection: SqliteConnection, uid: string, checksum: string | null): Promise<string[]> {
  return connection.write(() => {
    connection.prepare(`UPDATE blocks SET valid = 0 WHERE ${SAME}`).run(uid, checksum);
    const holders = connection
      .prepare(`SELECT uid FROM versions WHERE uid IN (SELECT version_uid FROM blocks WHERE ${SAME}) ORDER BY date`)
      .all(uid, checksum) as { uid: string }[];
    const invalidate = connection.prepare('UPDATE versions SET valid = 0 WHERE uid = ?');
    for (const holder of holders) invalidate.run(holder.uid);
    if (checksum !== null) connection.prepare('INSERT OR IGNORE INTO backy2_bad (checksum) VALUES (?)').run(checksum);
    return holders.map((holder) => holder.uid);
  });
}
