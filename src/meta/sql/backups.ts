import type { BlockRange } from '../../model/block-range.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { blockCount, type Geometry } from '../../model/geometry.ts';
import type { Migration, NewVersion, Version } from '../../model/version.ts';
import { insertVersion, markFinished, refuseIncomplete } from './backup-steps.ts';
import { isBlockId, isStray, lengthOfBlock } from './block-conditions.ts';
import { refuseOthers } from './block-records.ts';
import { noteRows } from './catalogue-marks.ts';
import type { FinishedRows, SqlDatabase } from './database.ts';
import { sql } from './statement.ts';
import { statementBuilder } from './statement-builder.ts';
import { countersOfRows, type RowSums } from './stats-rows.ts';
import { rowOf } from './steps.ts';
import { lockVersion } from './version-steps.ts';

/** See BackupStore.createVersion. */
export async function createVersion(db: SqlDatabase, version: NewVersion): Promise<void> {
  const build = await statementBuilder();
  await db.transaction(() => insertVersion(build, version, db.now()));
}

/** See BackupStore.presentBlocks. The database finds runs of ids itself. */
export function presentBlocks(db: SqlDatabase, versionUid: string, { first, count }: BlockRange): Promise<BlockRange[]> {
  return db.query<BlockRange>(
    sql`SELECT min(id) AS first, count(*) AS count FROM
      (SELECT id, id - row_number() OVER (ORDER BY id) AS run FROM blocks
       WHERE version_uid = ${versionUid} AND id >= ${first} AND id < ${first + count} AND ${isBlockId(db)}) AS present
      GROUP BY run ORDER BY first`,
  );
}

/** See BackupStore.discardBadBlocks. */
export function discardBadBlocks(db: SqlDatabase, versionUid: string, geometry: Geometry): Promise<number> {
  const isBad = sql`(valid = 0 OR size IS DISTINCT FROM ${lengthOfBlock(geometry)} OR ${isStray(db, blockCount(geometry))})`;
  const where = sql`version_uid = ${versionUid} AND ${isBad}`;
  return db.transaction(function* () {
    yield* lockVersion(db, versionUid);
    yield* refuseOthers(db, versionUid);
    yield* noteRows(db, where);
    return yield* db.dialect.deleteBlocks(where);
  });
}

/** See BackupStore.findMigration. */
export async function findMigration(db: SqlDatabase, { originUid, encVersion }: Migration): Promise<string | undefined> {
  await db.makeSideTables();
  const [row] = await db.query<{ uid: string }>(
    sql`SELECT version_uid AS uid FROM backy2_migrations JOIN versions ON versions.uid = version_uid
      WHERE origin_uid = ${originUid} AND enc_version = ${encVersion} AND valid = 0 ORDER BY date LIMIT 1`,
  );
  return row?.uid;
}

/** See BackupStore.savedCounters. */
export async function savedCounters(db: SqlDatabase, versionUid: string): Promise<BackupCounters | undefined> {
  await db.makeSideTables();
  const statement = sql`SELECT counters FROM backy2_progress WHERE version_uid = ${versionUid}`;
  const [row] = await db.query<{ counters: string }>(statement);
  return row === undefined ? undefined : (JSON.parse(row.counters) as BackupCounters);
}

/** See BackupStore.countersFromRows. */
export async function countersFromRows(db: SqlDatabase, versionUid: string): Promise<BackupCounters> {
  const sums = await db.queryOne<RowSums>(
    sql`SELECT count(uid) AS blocks, coalesce(sum(size) FILTER (WHERE uid IS NOT NULL), 0) AS bytes,
        count(*) - count(uid) AS "sparseBlocks", coalesce(sum(size) FILTER (WHERE uid IS NULL), 0) AS "sparseBytes"
      FROM blocks WHERE version_uid = ${versionUid}`,
  );
  return countersOfRows(sums);
}

/** See BackupStore.finishBackup. */
export async function finishBackup(db: SqlDatabase, version: Version, counters?: BackupCounters, date?: Date): Promise<boolean> {
  const build = await statementBuilder();
  const { uid, size } = version;
  return db.transaction(function* () {
    yield* lockVersion(db, uid);
    const { fitting, bad } = yield* rowOf<FinishedRows>(db.dialect.finishedRows(uid, size));
    refuseIncomplete(version, fitting);
    if (bad > 0) return false;
    yield* markFinished(db, build, { version, counters, date });
    return true;
  });
}
