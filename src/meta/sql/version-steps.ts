import type { Knex } from 'knex';
import type { BackupCounters } from '../../model/counters.ts';
import type { NameMemory } from '../name-store.ts';
import { noteChanges, noteRemoval } from './catalogue-marks.ts';
import type { SqlDatabase } from './database.ts';
import { nameOfRemoved } from './name-steps.ts';
import { type Sql, sql } from './statement.ts';
import { rowsOf, run, type Steps } from './steps.ts';

/** Saves the counters of a running backup. */
export function countersUpsert(versionUid: string, counters: BackupCounters): Sql {
  return sql`INSERT INTO backy2_progress (version_uid, counters) VALUES (${versionUid}, ${JSON.stringify(counters)})
    ON CONFLICT (version_uid) DO UPDATE SET counters = excluded.counters`;
}

/** See {@link Dialect.lockVersion}. */
export function* lockVersion({ dialect }: SqlDatabase, uid: string): Steps<void> {
  if (dialect.lockVersion !== undefined) yield* rowsOf(dialect.lockVersion(uid));
}

/**
 * Makes versions invalid. Locks them, valid or not: one that is being made valid at the same time
 * becomes invalid after that. @returns all of them, oldest first.
 */
export function* invalidate(db: SqlDatabase, where: Sql): Steps<string[]> {
  const valid = yield* rowsOf<{ uid: string }>(sql`SELECT uid FROM versions WHERE valid <> 0 AND ${where}`);
  const marked = yield* rowsOf<{ uid: string; date: string }>(
    sql`UPDATE versions SET valid = 0 WHERE ${where} RETURNING uid, date`,
  );
  yield* noteChanges(
    db,
    valid.map(({ uid }) => uid),
  );
  return marked.sort((a, b) => (a.date < b.date ? -1 : 1)).map(({ uid }) => uid);
}

/** Adds missing tags. */
export function* insertTags(uid: string, tags: readonly string[]): Steps<void> {
  for (const name of tags) {
    yield* run(sql`INSERT INTO tags (version_uid, name) VALUES (${uid}, ${name}) ON CONFLICT (version_uid, name) DO NOTHING`);
  }
}

/** A version that is being removed. */
export interface RemovedVersion {
  uid: string;
  /** Undefined: nobody asked for this removal, so it says nothing about the name. */
  memory: NameMemory | undefined;
}

/** Deletes what only unfinished backups and migrations need. */
export function* forgetProgress(build: Knex, versionUid: string): Steps<void> {
  for (const table of ['backy2_progress', 'backy2_migrations'])
    yield* run(build(table).where('version_uid', versionUid).delete());
}

/** Removes a version without block rows. */
export function* removeEmptyVersion(db: SqlDatabase, build: Knex, removed: RemovedVersion): Steps<void> {
  yield* forgetVersion(db, build, removed);
  yield* run(sql`DELETE FROM backy2_bad WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.checksum = backy2_bad.checksum)`);
}

/** Removes a version that has no blocks, in any layout. */
export function* forgetVersion(db: SqlDatabase, build: Knex, removed: RemovedVersion): Steps<void> {
  const { uid, memory } = removed;
  if (memory !== undefined) yield* nameOfRemoved(uid, memory, db.now());
  yield* noteRemoval(db, uid);
  yield* run(build('tags').where('version_uid', uid).delete());
  yield* forgetProgress(build, uid);
  yield* run(build('versions').where('uid', uid).delete());
}
