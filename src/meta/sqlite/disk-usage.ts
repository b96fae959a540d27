import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DiskUsage } from '../../model/reports.ts';
import { COUNT_USES, diskUsageOf } from '../sql/disk-usage.ts';
import { sql } from '../sql/statement.ts';
import type { SqliteConnection } from './connection.ts';

/** See ReportStore.diskUsage. */
export async function diskUsage(
  connection: SqliteConnection,
  versionUids: readonly string[],
  onVersion: (uid: string) => void,
): Promise<DiskUsage[]> {
  // Else the uses of a blob would be counted again for each version that shares it.
  const countAll = versionUids.length > 1;
  if (countAll) {
    connection.exec('DROP TABLE IF EXISTS temp.blob_uses');
    connection.exec('CREATE TEMPORARY TABLE blob_uses (uid TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID');
    connection.stage(sql`INSERT INTO temp.blob_uses ${COUNT_USES}`);
  }
  const usages: DiskUsage[] = [];
  for (const uid of versionUids) {
    // A statement blocks the thread: signals get their turn in between.
    await nextTurn();
    onVersion(uid);
    usages.push(...connection.sorting(() => connection.all<DiskUsage>(diskUsageOf(uid, countAll))));
  }
  if (countAll) connection.exec('DROP TABLE temp.blob_uses');
  return usages;
}
