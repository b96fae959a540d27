import type { BlobOfBlock } from '../../model/block.ts';
import { type Comparison, compareBlobs } from '../../model/comparison.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { BackupStats, StatsFilter } from '../../model/reports.ts';
import { isBlockId } from './block-conditions.ts';
import { type KeyedRecord, withoutOthers } from './block-records.ts';
import type { SqlDatabase } from './database.ts';
import { sql } from './statement.ts';
import { statementBuilder } from './statement-builder.ts';
import { type StatsRecord, statsColumns, toStats } from './stats-rows.ts';
import { run } from './steps.ts';

/** See ReportStore.listStats. */
export async function listStats(db: SqlDatabase, { versionUid, endedSince, limit }: StatsFilter): Promise<BackupStats[]> {
  const ofVersion = versionUid === undefined ? sql`` : sql`AND version_uid = ${versionUid}`;
  const since = endedSince === undefined ? sql`` : sql`AND date >= ${toSecondsText(endedSince)}`;
  const newest = limit === undefined ? sql`` : sql`LIMIT ${limit}`;
  const records = await db.query<StatsRecord>(
    sql`SELECT * FROM stats WHERE 1 = 1 ${ofVersion} ${since} ORDER BY date DESC, id DESC ${newest}`,
  );
  return records.reverse().map(toStats);
}

/** See ReportStore.importStats. */
export async function importStats(db: SqlDatabase, stats: readonly BackupStats[]): Promise<void> {
  const build = await statementBuilder();
  await db.transaction(function* () {
    for (const row of stats) yield* run(build('stats').insert({ date: toSecondsText(row.date), ...statsColumns(row) }));
  });
}

/** See ReportStore.compareVersions. Reads up to `limit` rows of each version. */
export async function compareVersions(
  db: SqlDatabase,
  leftUid: string,
  rightUid: string,
  afterId: number,
  limit: number,
): Promise<Comparison> {
  const left = await blobPage(db, leftUid, afterId, limit);
  const right = await blobPage(db, rightUid, afterId, limit);
  // After the end of a full page, that version may have more rows.
  const lastKnown = (page: readonly BlobOfBlock[]) => (page.length < limit ? Infinity : (page.at(-1)?.id ?? Infinity));
  const end = Math.min(lastKnown(left), lastKnown(right));
  return { ranges: compareBlobs(left, right, end), end };
}

async function blobPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<readonly BlobOfBlock[]> {
  const records = await db.query<BlobOfBlock & Pick<KeyedRecord, 'is_other'>>(
    sql`SELECT id, nullif(uid, '') AS uid, is_other FROM ${db.dialect.blocksByKey}
      WHERE version_uid = ${versionUid} AND id > ${afterId} AND ${isBlockId(db)} ORDER BY id LIMIT ${limit}`,
  );
  return withoutOthers(db, versionUid, records);
}
