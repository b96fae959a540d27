import type { BackupStats, StatsFilter } from '../../model/reports.ts';
import { sql } from '../sql/sql-text.ts';
import { type StatsRecord, toStats } from '../sql/stats-rows.ts';
import type { SqliteConnection } from './connection.ts';

/** See ReportStore.listStats. */
export function listStats(connection: SqliteConnection, { versionUid, limit }: StatsFilter): BackupStats[] {
  const where = versionUid === undefined ? sql`` : sql`WHERE version_uid = ?`;
  const records = connection
    .prepare(sql`SELECT * FROM stats ${where} ORDER BY date DESC, id DESC LIMIT ?`)
    // Below 0 is no limit.
    .all(...(versionUid === undefined ? [] : [versionUid]), limit ?? -1) as StatsRecord[];
  return records.reverse().map(toStats);
}
