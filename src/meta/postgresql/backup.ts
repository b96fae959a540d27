import { BackyError } from '../../errors.ts';
import { type DedupKey, dedupKey, type FoundBlob } from '../../model/blob.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { toStoredDate } from '../../model/dates.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { Migration, NewVersion, Version } from '../../model/version.ts';
import type { BackupGroup, CommitOutcome } from '../backup-store.ts';
import { goodBlobs, NOTHING_HEALED } from '../sql/healing.ts';
import { newVersionRecord } from '../sql/rows.ts';
import { type Sql, sql } from '../sql/sql-text.ts';
import { countersOfRows, type RowSums, toStatsColumns } from '../sql/stats-rows.ts';
import { type BlocksToInsert, insertFound, insertNew, insertSparse } from './block-inserts.ts';
import type { PostgresConnection } from './connection.ts';
import { healRows, knownBad } from './heal.ts';
import { arrayOf } from './literals.ts';
import { SERVER_SECONDS } from './server-clock.ts';
import type { Session } from './session.ts';
import { statementBuilder } from './statement-builder.ts';
import { insertTags, lockVersion } from './versions.ts';

/** See BackupStore.createVersion. */
export async function createVersion(connection: PostgresConnection, version: NewVersion, now: Date): Promise<void> {
  const build = await statementBuilder();
  await connection.write(async (session) => {
    await session.runBuilt(build('versions').insert(newVersionRecord(version, now)));
    await insertTags(session, version.uid, version.tags);
    if (version.migration === undefined) return;
    const { originUid, encVersion } = version.migration;
    await session.run('INSERT INTO backy2_migrations (version_uid, origin_uid, enc_version) VALUES ($1, $2, $3)', [
      version.uid,
      originUid,
      encVersion,
    ]);
  });
}

/** See BackupStore.findBlobs. One statement, with one look into the index for each key. */
export async function findBlobs(
  connection: PostgresConnection,
  keys: readonly DedupKey[],
  encVersion: number,
): Promise<Map<string, FoundBlob>> {
  const rows = await connection.queryOwn<Omit<FoundBlob, 'imported'> & DedupKey & { imported: boolean }>(
    `SELECT wanted.checksum, wanted.size, found.* FROM unnest($1::text[], $2::bigint[]) AS wanted(checksum, size)
     CROSS JOIN LATERAL (
       SELECT uid, enc_envkey AS "envKey", enc_nonce AS nonce,
         EXISTS (SELECT 1 FROM backy2_imported AS i WHERE i.uid = blocks.uid AND i.checksum = blocks.checksum) AS imported
       FROM blocks WHERE checksum = wanted.checksum AND blocks.size = wanted.size AND enc_version = $3 AND valid = 1 AND uid <> ''
         AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = blocks.uid) LIMIT 1
     ) AS found`,
    [arrayOf(keys.map((key) => key.checksum)), arrayOf(keys.map((key) => key.size)), encVersion],
  );
  return new Map(
    rows.map(({ checksum, size, uid, envKey, nonce, imported }) => [
      dedupKey({ checksum, size }),
      { uid, envKey, nonce, ...(imported ? { imported } : {}) },
    ]),
  );
}

/** See BackupStore.commitGroup. */
export function commitGroup(connection: PostgresConnection, group: BackupGroup, to: BlocksToInsert): Promise<CommitOutcome> {
  const found = group.rows.filter((row) => row.found);
  const stored = group.rows.filter((row) => !row.found);
  return connection.write(
    async (session) => {
      if (stored.length > 0) await insertNew(session, stored, to);
      // After the others: a block may have been found in the same group.
      const refused = found.length > 0 ? await insertFound(session, found, to) : [];
      if (group.sparse.length > 0) await insertSparse(session, group.sparse, to);
      await saveCounters(session, to.versionUid, group.counters(refused));
      if (group.heals !== true) return { refused, healing: NOTHING_HEALED };
      const good = goodBlobs(group.rows, refused);
      return { refused, healing: await healRows(session, [...good.fresh, ...(await knownBad(session, good.found))]) };
    },
    { exclusion: 'naming' },
  );
}

/** See BackupStore.discardBadBlocks. */
export function discardBadBlocks(connection: PostgresConnection, versionUid: string, geometry: Geometry): Promise<number> {
  const lastId = blockCount(geometry) - 1;
  const lastSize = blockLength(geometry, lastId);
  return connection.write((session) =>
    deleteBlocks(
      session,
      sql`version_uid = $1 AND (valid = 0 OR size IS DISTINCT FROM CASE id WHEN $2::int THEN $3::bigint ELSE $4 END OR id > $2 OR id < 0)`,
      [versionUid, lastId, lastSize, geometry.blockSize],
    ),
  );
}

/**
 * Deletes block rows and makes their blobs candidates for deletion, in one statement within the caller's transaction.
 * @param values of `where`. @returns how many rows it were.
 */
export async function deleteBlocks(session: Session, where: Sql, values: (string | number)[]): Promise<number> {
  const { gone } = await session.queryOne<{ gone: number }>(
    sql`WITH gone AS (DELETE FROM blocks WHERE ${where} RETURNING uid, size),
       candidates AS (
         INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
         SELECT uid, max(size), 0, ${SERVER_SECONDS} FROM gone WHERE uid <> '' GROUP BY uid
       )
     SELECT count(*) AS gone FROM gone`,
    values,
  );
  return gone;
}

/** Keeps the counters of a backup that runs, within the caller's transaction. */
export async function saveCounters(session: Session, versionUid: string, counters: BackupCounters): Promise<void> {
  await session.run(
    `INSERT INTO backy2_progress (version_uid, counters) VALUES ($1, $2)
     ON CONFLICT (version_uid) DO UPDATE SET counters = excluded.counters`,
    [versionUid, JSON.stringify(counters)],
  );
}

/** See BackupStore.savedCounters. */
export async function savedCounters(connection: PostgresConnection, versionUid: string): Promise<BackupCounters | undefined> {
  const sql = 'SELECT counters FROM backy2_progress WHERE version_uid = $1';
  const [row] = await connection.queryOwn<{ counters: string }>(sql, [versionUid]);
  return row === undefined ? undefined : (JSON.parse(row.counters) as BackupCounters);
}

/** See BackupStore.findMigration. */
export async function findMigration(
  connection: PostgresConnection,
  { originUid, encVersion }: Migration,
): Promise<string | undefined> {
  const [row] = await connection.queryOwn<{ uid: string }>(
    `SELECT version_uid AS uid FROM backy2_migrations JOIN versions ON versions.uid = version_uid
     WHERE origin_uid = $1 AND enc_version = $2 AND valid = 0 ORDER BY date LIMIT 1`,
    [originUid, encVersion],
  );
  return row?.uid;
}

/** See BackupStore.countersFromRows. */
export async function countersFromRows(connection: PostgresConnection, versionUid: string): Promise<BackupCounters> {
  const sums = await connection.queryOne<RowSums>(
    `SELECT count(uid) AS blocks, coalesce(sum(size) FILTER (WHERE uid IS NOT NULL), 0) AS bytes,
            count(*) FILTER (WHERE uid IS NULL) AS "sparseBlocks", coalesce(sum(size) FILTER (WHERE uid IS NULL), 0) AS "sparseBytes"
     FROM blocks WHERE version_uid = $1`,
    [versionUid],
  );
  return countersOfRows(sums);
}

/** See BackupStore.finishBackup. The version's row is locked before its blocks are looked at: see {@link lockVersion}. */
export async function finishBackup(
  connection: PostgresConnection,
  version: Version,
  counters: BackupCounters | undefined,
): Promise<boolean> {
  const build = await statementBuilder();
  return connection.write(async (session) => {
    await lockVersion(session, version.uid);
    const { rows, bad } = await session.queryOne<{ rows: number; bad: number }>(
      `SELECT count(*) FILTER (WHERE id >= 0 AND id < $2::bigint) AS rows, count(*) FILTER (WHERE valid = 0) AS bad
       FROM blocks WHERE version_uid = $1`,
      [version.uid, version.size],
    );
    // The last guard of the promise that a valid version is whole, whatever went wrong before.
    if (rows !== version.size) throw new BackyError('failed', `Version ${version.uid} has ${rows} of ${version.size} blocks.`);
    if (bad > 0) return false;
    // The time of the database, as the original has it, and in UTC as all others.
    const date = build.raw("now() AT TIME ZONE 'UTC'");
    if (counters !== undefined) await session.runBuilt(build('stats').insert({ date, ...toStatsColumns(version, counters) }));
    await session.runBuilt(build('versions').where('uid', version.uid).update({ valid: 1 }));
    for (const table of ['backy2_progress', 'backy2_migrations'])
      await session.runBuilt(build(table).where('version_uid', version.uid).delete());
    return true;
  });
}

/** Where block rows are to go. */
export function blocksToInsert(versionUid: string, geometry: Geometry, now: Date): BlocksToInsert {
  return { versionUid, geometry, date: toStoredDate(now) };
}
