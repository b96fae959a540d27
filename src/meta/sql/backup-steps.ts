import type { Knex } from 'knex';
import { BackyError } from '../../errors.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { NewVersion, Version } from '../../model/version.ts';
import type { SqlDatabase } from './database.ts';
import { rememberName } from './name-steps.ts';
import { newVersionRecord } from './rows.ts';
import { toStatsColumns } from './stats-rows.ts';
import { run, type Steps } from './steps.ts';
import { forgetProgress, insertTags } from './version-steps.ts';

/** Adds a version that has no blocks yet. */
export function* insertVersion(build: Knex, version: NewVersion, now: Date): Steps<void> {
  yield* run(build('versions').insert(newVersionRecord(version, now)));
  yield* insertTags(version.uid, version.tags);
  if (version.migration === undefined) return;
  const { originUid, encVersion } = version.migration;
  const row = { version_uid: version.uid, origin_uid: originUid, enc_version: encVersion };
  yield* run(build('backy2_migrations').insert(row));
}

/**
 * The last guard of the promise that a valid version is whole, whatever went wrong before.
 * @param fitting its rows with ids from 0 to size - 1.
 */
export function refuseIncomplete({ uid, size }: Version, fitting: number): void {
  if (fitting !== size) throw new BackyError('failed', `Version ${uid} has ${fitting} of ${size} blocks.`);
}

/** A version that has all its blocks. See BackupStore.finishBackup. */
interface FinishedBackup {
  version: Version;
  counters: BackupCounters | undefined;
  date: Date | undefined;
}

/** Adds the stats row, if there are counters, and makes the version valid. */
export function* markFinished(db: SqlDatabase, build: Knex, { version, counters, date }: FinishedBackup): Steps<void> {
  if (counters !== undefined) {
    const ended = date === undefined ? build.raw(db.dialect.utcNow) : toSecondsText(date);
    yield* run(build('stats').insert({ date: ended, ...toStatsColumns(version, counters) }));
  }
  yield* run(build('versions').where('uid', version.uid).update({ valid: 1 }));
  yield* forgetProgress(build, version.uid);
  yield* rememberName(version.name, db.now());
}
