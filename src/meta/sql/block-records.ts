import { isBlockId } from './block-conditions.ts';
import type { SqlDatabase } from './database.ts';
import { BLOCK_COLUMNS, type BlockRecord } from './rows.ts';
import { sql } from './statement.ts';

/**
 * Up to `limit` rows above `afterId`, in the order of ids. Pages by key: an open iterator would
 * refuse writes on the same connection.
 */
export function blockRecords(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<BlockRecord[]> {
  return db.query<BlockRecord>(
    sql`SELECT ${BLOCK_COLUMNS} FROM blocks WHERE version_uid = ${versionUid} AND id > ${afterId} AND ${isBlockId(db)}
      ORDER BY id LIMIT ${limit}`,
  );
}
