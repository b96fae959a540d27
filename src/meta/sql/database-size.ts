import type { Layout } from '../../model/layout.ts';
import type { DatabaseSize } from '../conversion.ts';
import type { SqlDatabase } from './database.ts';
import { type Sql, sql } from './statement.ts';

const COUNTS: Record<Layout, Sql> = {
  classic: sql`SELECT (SELECT count(*) FROM blocks) AS blocks,
    (SELECT count(*) FROM (SELECT DISTINCT uid FROM blocks WHERE uid <> '') AS blobs) AS blobs`,
  compact: sql`SELECT (SELECT coalesce(sum(n), 0) FROM backy2_map_leaves JOIN backy2_leaves ON backy2_leaves.id = leaf) AS blocks,
    (SELECT count(*) FROM backy2_blobs) AS blobs`,
};

/** Blocks and blobs, each counted by an index. */
export function countContent(db: SqlDatabase, layout: Layout): Promise<Omit<DatabaseSize, 'bytes'>> {
  return db.queryOne(COUNTS[layout]);
}
