import type { Knex } from 'knex';
import type { BackupCounters } from '../../model/counters.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { SqlDatabase } from './database.ts';
import { literal, type Sql, sql } from './statement.ts';
import { rowsOf, run, type Steps } from './steps.ts';

/** The highest id that the column can have in the original's schema. */
const LAST_ID = 2 ** 31 - 1;

/** A condition: a row's id is one that a block can have. */
export function isBlockId({ dialect }: SqlDatabase): Sql {
  return sql`${dialect.idIsInteger} AND id <= ${literal(LAST_ID)}`;
}

/** A condition: a row's id is none of a version of `size` blocks. */
export function isStray({ dialect }: SqlDatabase, size: number): Sql {
  return sql`(NOT (${dialect.idIsInteger}) OR id < 0 OR id >= CAST(${size} AS BIGINT))`;
}

/** An expression: the length in bytes of a block of the row's id. */
export function lengthOfBlock(geometry: Geometry): Sql {
  const lastId = blockCount(geometry) - 1;
  return sql`CASE id WHEN CAST(${lastId} AS INTEGER) THEN CAST(${blockLength(geometry, lastId)} AS BIGINT)
    ELSE CAST(${geometry.blockSize} AS BIGINT) END`;
}

/** Keeps the counters of a backup that runs. */
export function countersUpsert(versionUid: string, counters: BackupCounters): Sql {
  return sql`INSERT INTO backy2_progress (version_uid, counters) VALUES (${versionUid}, ${JSON.stringify(counters)})
    ON CONFLICT (version_uid) DO UPDATE SET counters = excluded.counters`;
}

/** See {@link Dialect.lockVersion}. */
export function* lockVersion({ dialect }: SqlDatabase, uid: string): Steps<void> {
  if (dialect.lockVersion !== undefined) yield* rowsOf(dialect.lockVersion(uid));
}

/** Adds tags that are not there yet. */
export function* insertTags(build: Knex, uid: string, tags: readonly string[]): Steps<void> {
  if (tags.length === 0) return;
  const rows = tags.map((name) => ({ version_uid: uid, name }));
  yield* run(build('tags').insert(rows).onConflict(['version_uid', 'name']).ignore());
}

/** Forgets what only a backup or migration that has not ended needs. */
export function* forgetProgress(build: Knex, versionUid: string): Steps<void> {
  for (const table of ['backy2_progress', 'backy2_migrations'])
    yield* run(build(table).where('version_uid', versionUid).delete());
}

/** Removes a version whose block rows are gone. */
export function* removeEmptyVersion(build: Knex, uid: string): Steps<void> {
  yield* run(build('tags').where('version_uid', uid).delete());
  yield* forgetProgress(build, uid);
  yield* run(build('versions').where('uid', uid).delete());
  yield* run(sql`DELETE FROM backy2_bad WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.checksum = backy2_bad.checksum)`);
}
