import type { DiskUsage } from '../../model/reports.ts';
import { type Sql, sql } from '../sql/sql-text.ts';
import type { PostgresConnection } from './connection.ts';

/** See ReportStore.diskUsage. What many versions share is counted once, in a temporary table. */
export async function diskUsage(
  connection: PostgresConnection,
  versionUids: readonly string[],
  beforeEach: () => void,
): Promise<DiskUsage[]> {
  if (versionUids.length < 2) {
    const usages: DiskUsage[] = [];
    for (const uid of versionUids) {
      beforeEach();
      usages.push(await connection.queryOne<DiskUsage>(usageQuery(false), [uid]));
    }
    return usages;
  }
  return connection.session(async ({ session }) => {
    await session.script(`DROP TABLE IF EXISTS pg_temp.blob_uses;
      CREATE TEMPORARY TABLE blob_uses AS
        SELECT uid, count(*) AS uses FROM blocks WHERE uid IS NOT NULL GROUP BY uid HAVING count(*) > 1;
      ANALYZE pg_temp.blob_uses`);
    try {
      const usages: DiskUsage[] = [];
      for (const uid of versionUids) {
        beforeEach();
        usages.push(await session.queryOne<DiskUsage>(usageQuery(true), [uid]));
      }
      return usages;
    } finally {
      await session.script('DROP TABLE IF EXISTS pg_temp.blob_uses').catch(() => {});
    }
  });
}

/** The figures of one version. `counted`: uses are in blob_uses. */
function usageQuery(counted: boolean): Sql {
  // Counted a moment ago: a version can have come to name more of them since.
  const uses = counted
    ? sql`greatest(own, coalesce(every.uses, 0))`
    : sql`(SELECT count(*) FROM blocks AS every WHERE every.uid = mine.blob)`;
  const join = counted ? sql`LEFT JOIN pg_temp.blob_uses AS every ON every.uid = mine.blob` : sql``;
  const sum = (what: Sql, where: Sql) => sql`coalesce(sum(${what}) FILTER (WHERE ${where}), 0)`;
  return sql`WITH
    mine AS (SELECT nullif(uid, '') AS blob, count(*) AS own, sum(size) AS bytes, max(size) AS size
             FROM blocks WHERE version_uid = $1 GROUP BY nullif(uid, '')),
    used AS MATERIALIZED (SELECT blob, own, bytes, size, ${uses} AS uses FROM mine ${join})
  SELECT ${sum(sql`bytes`, sql`blob IS NOT NULL`)} AS real,
         ${sum(sql`bytes`, sql`blob IS NULL`)} AS sparse,
         ${sum(sql`bytes`, sql`blob IS NOT NULL AND uses > own`)} AS "dedupOthers",
         ${sum(sql`bytes - size`, sql`blob IS NOT NULL AND uses = own`)} AS "dedupOwn",
         ${sum(sql`size`, sql`blob IS NOT NULL AND uses = 1`)} AS individual,
         ${sum(sql`size::float8 / nullif(uses, 0)`, sql`blob IS NOT NULL`)} AS estimated,
         ${sum(sql`size`, sql`blob IS NOT NULL AND uses = own`)} AS freed
  FROM used`;
}
