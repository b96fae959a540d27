import { type Sql, sql } from './statement.ts';

/** Fills table `blob_uses`: the uses of every blob that has several, from the index alone. */
export const COUNT_USES = sql`SELECT uid, count(*) AS uses FROM blocks WHERE uid IS NOT NULL GROUP BY uid HAVING count(*) > 1`;

/**
 * Gives the DiskUsage of one version. Its rows are grouped by blob, which sorts them by uid: so
 * each look-up of a blob's uses meets the next entries of the index, and walks it once, however
 * large it is and however small the page cache.
 * @param isCounted whether table `blob_uses` holds the uses.
 */
export function diskUsageOf(versionUid: string, isCounted: boolean): Sql {
  // A version that was added after the count may name more of them.
  const uses = isCounted
    ? sql`CASE WHEN every.uses > own THEN every.uses ELSE own END`
    : sql`(SELECT count(*) FROM blocks AS every WHERE every.uid = mine.blob)`;
  const counted = isCounted ? sql`LEFT JOIN blob_uses AS every ON every.uid = mine.blob` : sql``;
  const sum = (bytes: Sql, where: Sql) => sql`coalesce(sum(${bytes}) FILTER (WHERE ${where}), 0)`;
  return sql`WITH
    mine AS (SELECT nullif(uid, '') AS blob, count(*) AS own, sum(size) AS bytes, max(size) AS size
             FROM blocks WHERE version_uid = ${versionUid} GROUP BY nullif(uid, '')),
    used AS MATERIALIZED (SELECT blob, own, bytes, size, ${uses} AS uses FROM mine ${counted})
  SELECT ${sum(sql`bytes`, sql`blob IS NOT NULL`)} AS real,
         ${sum(sql`bytes`, sql`blob IS NULL`)} AS sparse,
         ${sum(sql`bytes`, sql`blob IS NOT NULL AND uses > own`)} AS "dedupOthers",
         ${sum(sql`bytes - size`, sql`blob IS NOT NULL AND uses = own`)} AS "dedupOwn",
         ${sum(sql`size`, sql`blob IS NOT NULL AND uses = 1`)} AS individual,
         ${sum(sql`CAST(size AS DOUBLE PRECISION) / nullif(uses, 0)`, sql`blob IS NOT NULL`)} AS estimated,
         ${sum(sql`size`, sql`blob IS NOT NULL AND uses = own`)} AS freed
  FROM used`;
}
