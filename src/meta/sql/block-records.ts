import { BackyError } from '../../errors.ts';
import { isBlockId } from './block-conditions.ts';
import type { SqlDatabase } from './database.ts';
import { BLOCK_COLUMNS, type BlockRecord } from './rows.ts';
import { sql } from './statement.ts';
import { rowsOf, type Steps } from './steps.ts';

/** A row of {@link Dialect.blocksByKey}. */
export interface KeyedRecord extends BlockRecord {
  /** True or 1: the content is that of another block. */
  is_other: boolean | number;
}

/** The columns of {@link KeyedRecord}. */
export const KEYED_COLUMNS = sql`${BLOCK_COLUMNS}, is_other`;

/**
 * Up to `limit` rows above `afterId`, in the order of ids. Pages by key: an open iterator would
 * refuse writes on the same connection.
 * @throws BackyError `database` if the index leads to another block's row.
 */
export async function blockRecords(
  db: SqlDatabase,
  versionUid: string,
  afterId: number,
  limit: number,
): Promise<readonly BlockRecord[]> {
  return withoutOthers(db, versionUid, await keyedRecords(db, versionUid, afterId, limit));
}

/** The same with rows of other blocks among them. */
export function keyedRecords(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<KeyedRecord[]> {
  return db.query<KeyedRecord>(
    sql`SELECT ${KEYED_COLUMNS} FROM ${db.dialect.blocksByKey}
      WHERE version_uid = ${versionUid} AND id > ${afterId} AND ${isBlockId(db)} ORDER BY id LIMIT ${limit}`,
  );
}

/** @throws BackyError `database` if the index leads to another block's row. */
export function withoutOthers<T extends Pick<KeyedRecord, 'id' | 'is_other'>>(
  db: Pick<SqlDatabase, 'label'>,
  versionUid: string,
  records: readonly T[],
): readonly T[] {
  // A loop: this runs for every row.
  for (const { id, is_other } of records) if (is_other) throw leadsToOther(db, versionUid, id);
  return records;
}

/**
 * Reads all rows of a version before a statement deletes some of them: it would delete the other
 * row.
 * @throws BackyError `database` if the index leads to another block's row.
 */
export function* refuseOthers(db: SqlDatabase, versionUid: string): Steps<void> {
  const [other] = yield* rowsOf<{ id: number }>(
    sql`SELECT id FROM ${db.dialect.blocksByKey} WHERE version_uid = ${versionUid} AND is_other LIMIT 1`,
  );
  if (other !== undefined) throw leadsToOther(db, versionUid, other.id);
}

/** The error for an entry of SQLite's primary key with a wrong rowid. */
export function leadsToOther({ label }: Pick<SqlDatabase, 'label'>, versionUid: string, id: number | string): BackyError {
  return new BackyError(
    'database',
    `The database ${label} is damaged: ${LEADS_TO_OTHER}, from block ${id} of version ${versionUid}.`,
    { hint: rebuildHint(label), data: { uid: versionUid, block: Number(id) } },
  );
}

/** The damage of such an entry, in words. */
export const LEADS_TO_OTHER = 'index sqlite_autoindex_blocks_1 leads to the row of another block';

/** Advice for an index that does not match its table. */
export function rebuildHint(path: string): string {
  return `See all damage: sqlite3 ${path} "pragma integrity_check". A damaged index can be rebuilt; keep a copy of the file first: sqlite3 ${path} "reindex".`;
}
