import type { BackupStats, StatsFilter } from '../../model/reports.ts';
import { type StatsRecord, toStats } from '../sql/stats-rows.ts';
import type { PostgresConnection } from './connection.ts';

/** See ReportStore.listStats. */
export async function listStats(connection: PostgresConnection, { versionUid, limit }: StatsFilter): Promise<BackupStats[]> {
  const records = await connection.query<StatsRecord>(
    'SELECT * FROM stats WHERE $1::text IS NULL OR version_uid = $1 ORDER BY date DESC, id DESC LIMIT $2',
    [versionUid ?? null, limit ?? null],
  );
  return records.reverse().map(toStats);
}
