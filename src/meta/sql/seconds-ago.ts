import type { SqlDatabase } from './database.ts';
import { sql } from './statement.ts';

/** The Unix time `seconds` before now, by the clock that dates candidates. */
export async function secondsAgo(db: SqlDatabase, seconds: number): Promise<number> {
  const { time } = await db.queryOne<{ time: number }>(
    sql`SELECT ${db.dialect.nowSeconds()} - CAST(${seconds} AS BIGINT) AS time`,
  );
  return time;
}
