import type { DiskUsage } from '../../model/reports.ts';
import { COUNT_USES, diskUsageOf } from '../sql/disk-usage.ts';
import type { Sql } from '../sql/statement.ts';
import type { PostgresConnection } from './connection.ts';

/** See ReportStore.diskUsage. A temporary table counts once what several versions share. */
export async function diskUsage(
  connection: PostgresConnection,
  versionUids: readonly string[],
  onVersion: (uid: string) => void,
): Promise<DiskUsage[]> {
  const countAll = versionUids.length > 1;
  const usagesBy = async (reader: { queryOne<T>(statement: Sql): Promise<T> }) => {
    const usages: DiskUsage[] = [];
    for (const uid of versionUids) {
      onVersion(uid);
      usages.push(await reader.queryOne<DiskUsage>(diskUsageOf(uid, countAll)));
    }
    return usages;
  };
  if (!countAll) return usagesBy(connection);
  return connection.session(async ({ session }) => {
    await session.script('DROP TABLE IF EXISTS pg_temp.blob_uses');
    await session.script(`CREATE TEMPORARY TABLE blob_uses AS ${COUNT_USES.text}`);
    await session.script('ANALYZE pg_temp.blob_uses');
    try {
      return await usagesBy(session);
    } finally {
      await session.script('DROP TABLE IF EXISTS pg_temp.blob_uses').catch(() => {});
    }
  });
}
