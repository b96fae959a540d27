import type { Revision } from '../sql/revisions.ts';
import type { TableName } from '../sql/schema.ts';
import { type Sql, sql } from '../sql/statement.ts';

/** The change of a revision to one column. Expressions are SQL over a row of the old table. */
interface ColumnStep {
  revision: Revision;
  table: TableName;
  column: string;
  /** The value of rows whose table lacks the column. */
  missing: Sql;
  /**
   * The new value of an existing column; unchanged when absent. Correct values MUST stay the same.
   */
  present?: Sql;
}

/** The change of a revision to a whole table. */
interface TableStep {
  revision: Revision;
  table: TableName;
  /** The revision created the table: older databases have none. */
  isNew?: true;
  /** A former name of the table. */
  formerName?: string;
}

/** The original can't read a bare date in a column of date and time. */
const AS_DATE_AND_TIME = sql`CASE WHEN expire = '' THEN NULL WHEN length(expire) = 10 THEN expire || ' 00:00:00.000000' ELSE expire END`;

/**
 * The steps from the first schema to the newest, oldest first (docs/spec/formats.md §2). Each is
 * applied to the tables as they are, whatever the revision says: a failed upgrade of the original
 * leaves its first changes behind (an additional column, empty or not; stats under the former name)
 * with the old revision.
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
