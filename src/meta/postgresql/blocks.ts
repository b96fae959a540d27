import type { BlobOfBlock, BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { RowIds } from '../block-store.ts';
import { STRAY_EXAMPLES } from '../sql/row-ids.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from '../sql/rows.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';

/** See BlockStore.blockPage: pages by key. */
export function blockRecords(
  connection: PostgresConnection,
  versionUid: string,
  afterId: number,
  limit: number,
): Promise<BlockRecord[]> {
  const sql = `SELECT ${BLOCK_COLUMNS} FROM blocks WHERE version_uid = $1 AND id > $2 ORDER BY id LIMIT $3`;
  return connection.query<BlockRecord>(sql, [versionUid, afterId, limit]);
}

/** See ReportStore.blobPage. */
export function blobPage(
  connection: PostgresConnection,
  versionUid: string,
  afterId: number,
  limit: number,
): Promise<BlobOfBlock[]> {
  const sql = "SELECT id, nullif(uid, '') AS uid FROM blocks WHERE version_uid = $1 AND id > $2 ORDER BY id LIMIT $3";
  return connection.query<BlobOfBlock>(sql, [versionUid, afterId, limit]);
}

const COLUMNS_OF_B = BLOCK_COLUMNS.replaceAll(/\w+/g, 'b.$&');

/** See BlockStore.blocksById. */
export async function blocksById(
  connection: PostgresConnection,
  versionUid: string,
  ids: readonly number[],
): Promise<BlockRow[]> {
  const sql = `SELECT ${COLUMNS_OF_B} FROM unnest($2::int[]) WITH ORDINALITY AS wanted(id, n)
    JOIN blocks b ON b.version_uid = $1 AND b.id = wanted.id ORDER BY n`;
  return (await connection.query<BlockRecord>(sql, [versionUid, arrayOf(ids)])).map(toBlockRow);
}

/** See BlockStore.countBlocks. */
export async function countBlocks(connection: PostgresConnection, versionUid: string): Promise<number> {
  return (await connection.queryOne<{ n: number }>('SELECT count(*) AS n FROM blocks WHERE version_uid = $1', [versionUid])).n;
}

const IS_STRAY = '(id < 0 OR id >= $2::bigint)';

/** See BlockStore.checkIds. The column holds whole numbers alone. */
export async function checkIds(connection: PostgresConnection, versionUid: string, size: number): Promise<RowIds> {
  const { rows, stray } = await connection.queryOne<{ rows: number; stray: number }>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE ${IS_STRAY}) AS stray FROM blocks WHERE version_uid = $1`,
    [versionUid, size],
  );
  if (stray === 0) return { fitting: rows, stray, examples: [] };
  const examples = await connection.query<{ id: number }>(
    `SELECT id FROM blocks WHERE version_uid = $1 AND ${IS_STRAY} ORDER BY id LIMIT ${STRAY_EXAMPLES}`,
    [versionUid, size],
  );
  return { fitting: rows - stray, stray, examples: examples.map(({ id }) => String(id)) };
}

/** See BackupStore.presentBlocks: runs of ids are found inside the database. */
export function presentBlocks(connection: PostgresConnection, versionUid: string, range: BlockRange): Promise<BlockRange[]> {
  const sql = `SELECT min(id) AS first, count(*) AS count FROM
    (SELECT id, id - row_number() OVER (ORDER BY id) AS run FROM blocks WHERE version_uid = $1 AND id >= $2 AND id < $3) AS present
    GROUP BY run ORDER BY first`;
  return connection.query<BlockRange>(sql, [versionUid, range.first, range.first + range.count]);
}

const SAME = 'uid = $1 AND checksum IS NOT DISTINCT FROM $2';

/** See BlockStore.markBlockInvalid. No row may come to name the blob meanwhile, or it would stay valid. */
export function markBlockInvalid(connection: PostgresConnection, uid: string, checksum: string | null): Promise<string[]> {
  return connection.write(
    async (session) => {
      await session.run(`UPDATE blocks SET valid = 0 WHERE ${SAME}`, [uid, checksum]);
      const marked = await session.query<{ uid: string }>(
        `WITH marked AS (UPDATE versions SET valid = 0 WHERE uid IN (SELECT version_uid FROM blocks WHERE ${SAME}) RETURNING uid, date)
         SELECT uid FROM marked ORDER BY date`,
        [uid, checksum],
      );
      if (checksum !== null)
        await session.run('INSERT INTO backy2_bad (checksum) VALUES ($1) ON CONFLICT (checksum) DO NOTHING', [checksum]);
      return marked.map((version) => version.uid);
    },
    { exclusion: 'judging' },
  );
}
