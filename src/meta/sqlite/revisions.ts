import type { Revision } from '../sql/revisions.ts';
import type { TableName } from '../sql/schema.ts';
import { type Sql, sql } from '../sql/statement.ts';

/** What a revision did to one column. Expressions are SQL over a row of the old table. */
interface ColumnStep {
  revision: Revision;
  table: TableName;
  column: string;
  /** What rows get when their table has no such column yet. */
  missing: Sql;
  /** What a value becomes that is there; as it is when absent. Values that are right already MUST stay what they are. */
  present?: Sql;
}

/** What a revision did to a whole table. */
interface TableStep {
  revision: Revision;
  table: TableName;
  /** It is the revision that made the table: older databases have none. */
  isNew?: true;
  /** The name that the table had for a while. */
  formerName?: string;
}

/** The original can't read a bare date in a column that it takes for date and time. */
const AS_DATE_AND_TIME = sql`CASE WHEN expire = '' THEN NULL WHEN length(expire) = 10 THEN expire || ' 00:00:00.000000' ELSE expire END`;

/**
 * The steps from the first schema to the newest, oldest first (formats.md §2). All of them are taken from whatever the tables have, not
 * from what the revision promises: where the original itself has tried an upgrade and failed, its first statements stay behind
 * (a column more, empty or not; stats under the former name) while the revision is the old one.
 */
export const COLUMN_STEPS: readonly ColumnStep[] = [
  { revision: 'bbe7904bfc3a', table: 'versions', column: 'snapshot_name', missing: sql`''` },
  { revision: '828da0fbbe8d', table: 'versions', column: 'expire', missing: sql`NULL` },
  { revision: 'cd3f15ae79f8', table: 'versions', column: 'expire', missing: sql`NULL`, present: AS_DATE_AND_TIME },
  // NULL for an integer key: SQLite counts.
  { revision: '85966fcda5e6', table: 'stats', column: 'id', missing: sql`NULL` },
  { revision: '5260034b8125', table: 'blocks', column: 'enc_envkey', missing: sql`NULL` },
  { revision: '5260034b8125', table: 'blocks', column: 'enc_version', missing: sql`0`, present: sql`coalesce(enc_version, 0)` },
  { revision: '30349b678801', table: 'blocks', column: 'enc_nonce', missing: sql`NULL` },
];

/** See {@link COLUMN_STEPS}. */
export const TABLE_STEPS: readonly TableStep[] = [
  { revision: '29c655b78818', table: 'tags', isNew: true },
  { revision: '9e0939e3bc6d', table: 'stats', formerName: 'stats_old' },
];
