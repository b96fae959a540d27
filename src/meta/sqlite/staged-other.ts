import { leadsToOther } from '../sql/block-records.ts';
import { type Sql, sql } from '../sql/statement.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * For staging rows of `BLOCKS_BY_KEY`: an expression of the column `other`, by which they
 * MUST be sorted first, descending. See {@link refuseStagedOther}.
 */
export const OTHER_ID = sql`CASE WHEN is_other THEN CAST(id AS TEXT) END`;

/**
 * Looks at the first row of a temporary table with {@link OTHER_ID}.
 * @throws BackyError `database` if the index leads to another block's row.
 */
export function refuseStagedOther(connection: SqliteConnection, table: Sql, versionUid: string): void {
  const [first] = connection.all<{ other: string | null }>(sql`SELECT other FROM ${table} WHERE n = 1`);
  if (typeof first?.other === 'string') throw leadsToOther(connection, versionUid, first.other);
}
