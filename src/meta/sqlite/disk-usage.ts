import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DiskUsage } from '../../model/reports.ts';
import { type Sql, sql } from '../sql/sql-text.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * See ReportStore.diskUsage. A version's rows are grouped by blob, which sorts them by uid: so each look-up of a blob's uses
 * meets the next entries of the index, and walks it once, however large it is and however small the page cache.
 */
export async function diskUsage(
  connection: SqliteConnection,
  versionUids: readonly string[],
  beforeEach: () => void,
): Promise<DiskUsage[]> {
  // What many versions share would be counted once for each of them.
  const countAll = versionUids.length > 1;
  if (countAll) connection.sorting(() => countUses(connection));
  const usages: DiskUsage[] = [];
  for (const uid of versionUids) {
    // A statement runs on this thread: signals get their turn in between.
    await nextTurn();
    beforeEach();
    usages.push(connection.sorting(() => connection.prepare(usageQuery(countAll)).get(uid) as DiskUsage));
  }
  if (countAll) connection.execTemporary('DROP TABLE temp.blob_uses');
  return usages;
}

/** Uses of every blob that has several, from the index alone. */
function countUses(connection: SqliteConnection): void {
  connection.execTemporary('DROP TABLE IF EXISTS temp.blob_uses');
  connection.execTemporary('CREATE TEMPORARY TABLE blob_uses (uid TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID');
  connection.execTemporary(
    'INSERT INTO temp.blob_uses SELECT uid, count(*) FROM blocks WHERE uid IS NOT NULL GROUP BY uid HAVING count(*) > 1',
  );
}

/** The figures of one version. `counted`: uses are in temp.blob_uses. */
function usageQuery(counted: boolean): Sql {
  // Counted a moment ago: a version can have come to name more of them since.
  const uses = counted
    ? sql`max(own, coalesce((SELECT uses FROM temp.blob_uses AS every WHERE every.uid = mine.blob), 0))`
    : sql`(SELECT count(*) FROM blocks AS every WHERE every.uid = mine.blob)`;
  const sum = (what: Sql, where: Sql) => sql`coalesce(sum(${what}) FILTER (WHERE ${where}), 0)`;
  return sql`WITH
    mine AS (SELECT nullif(uid, '') AS blob, count(*) AS own, sum(size) AS bytes, max(size) AS size
             FROM blocks WHERE version_uid = ? GROUP BY nullif(uid, '')),
    used AS MATERIALIZED (SELECT blob, own, bytes, size, ${uses} AS uses FROM mine)
  SELECT ${sum(sql`bytes`, sql`blob IS NOT NULL`)} AS real,
         ${sum(sql`bytes`, sql`blob IS NULL`)} AS sparse,
         ${sum(sql`bytes`, sql`blob IS NOT NULL AND uses > own`)} AS dedupOthers,
         ${sum(sql`bytes - size`, sql`blob IS NOT NULL AND uses = own`)} AS dedupOwn,
         ${sum(sql`size`, sql`blob IS NOT NULL AND uses = 1`)} AS individual,
         ${sum(sql`1.0 * size / uses`, sql`blob IS NOT NULL`)} AS estimated,
         ${sum(sql`size`, sql`blob IS NOT NULL AND uses = own`)} AS freed
  FROM used`;
}
