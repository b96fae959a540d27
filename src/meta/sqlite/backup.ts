import type { Knex } from 'knex';
import { BackyError } from '../../errors.ts';
import { type DedupKey, dedupKey, type FoundBlob } from '../../model/blob.ts';
import type { BackupRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { toStoredDate } from '../../model/dates.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { Migration, NewVersion, Version } from '../../model/version.ts';
import type { BackupGroup, CommitOutcome } from '../backup-store.ts';
import { goodBlobs, NOTHING_HEALED } from '../sql/healing.ts';
import { newVersionRecord } from '../sql/rows.ts';
import { sql } from '../sql/sql-text.ts';
import { countersOfRows, type RowSums, toStatsColumns } from '../sql/stats-rows.ts';
import { checkIds } from './blocks.ts';
import type { SqliteConnection } from './connection.ts';
import { healRows, knownBad } from './heal.ts';
import { statementBuilder } from './statement-builder.ts';
import { insertTags, makeCandidates } from './versions.ts';

/** The columns of table blocks, in the order in which rows are inserted. */
export const INSERT_COLUMNS = 'uid, version_uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';

/** See BackupStore.createVersion. */
export async function createVersion(connection: SqliteConnection, version: NewVersion, now: Date): Promise<void> {
  const build = await statementBuilder();
  await connection.write(() => {
    connection.run(build('versions').insert(newVersionRecord(version, now)));
    insertTags(connection, version.uid, version.tags);
    if (version.migration === undefined) return;
    const { originUid, encVersion } = version.migration;
    connection
      .prepare('INSERT INTO backy2_migrations (version_uid, origin_uid, enc_version) VALUES (?, ?, ?)')
      .run(version.uid, originUid, encVersion);
  });
}

/** See BackupStore.findBlobs. */
export function findBlobs(connection: SqliteConnection, keys: readonly DedupKey[], encVersion: number): Map<string, FoundBlob> {
  const find = connection.prepare(
    `SELECT uid, enc_envkey AS envKey, enc_nonce AS nonce,
       EXISTS (SELECT 1 FROM backy2_imported AS i WHERE i.uid = blocks.uid AND i.checksum = blocks.checksum) AS imported
     FROM blocks WHERE checksum = ? AND size = ? AND enc_version = ? AND valid = 1 AND uid <> ''
       AND uid NOT IN (SELECT uid FROM backy2_doomed) LIMIT 1`,
  );
  const found = new Map<string, FoundBlob>();
  for (const key of keys) {
    const row = find.get(key.checksum, key.size, encVersion) as (Omit<FoundBlob, 'imported'> & { imported: number }) | undefined;
    if (row === undefined) continue;
    const { imported, ...blob } = row;
    found.set(dedupKey(key), imported === 1 ? { ...blob, imported: true } : blob);
  }
  return found;
}

/** See BackupStore.commitGroup. */
export async function commitGroup(
  connection: SqliteConnection,
  versionUid: string,
  group: BackupGroup,
  { geometry, now }: { geometry: Geometry; now: Date },
): Promise<CommitOutcome> {
  return connection.write(() => {
    const refused = insertRows(connection, versionUid, group.rows, toStoredDate(now));
    for (const range of group.sparse) insertSparse(connection, versionUid, range, { geometry, now });
    saveCounters(connection, versionUid, group.counters(refused));
    if (group.heals !== true) return { refused, healing: NOTHING_HEALED };
    const { fresh, found } = goodBlobs(group.rows, refused);
    const healing = healRows(connection, [...fresh, ...knownBad(connection, found)], Math.floor(now.getTime() / 1000));
    return { refused, healing };
  });
}

const VALUES = '?, ?, ?, ?, ?, ?, 1, ?, ?, ?';

/** @returns the rows whose blob, found by dedup, no good row names any more or a cleanup has doomed. */
function insertRows(connection: SqliteConnection, versionUid: string, rows: readonly BackupRow[], date: string): BackupRow[] {
  const insert = connection.prepare(`INSERT INTO blocks (${INSERT_COLUMNS}) VALUES (${VALUES})`);
  const insertFound = connection.prepare(
    `INSERT INTO blocks (${INSERT_COLUMNS}) SELECT ${VALUES}
     WHERE EXISTS (SELECT 1 FROM blocks WHERE uid = ? AND checksum = ? AND valid = 1) AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE uid = ?)`,
  );
  const refused: BackupRow[] = [];
  for (const row of rows) {
    const fields = [row.uid, versionUid, row.id, date, row.checksum, row.size, row.encVersion, row.envKey, row.nonce];
    if (!row.found) insert.run(...fields);
    else if (insertFound.run(...fields, row.uid, row.checksum, row.uid).changes === 0) refused.push(row);
  }
  return refused;
}

/** Adds rows without a blob, as a set. */
function insertSparse(
  connection: SqliteConnection,
  versionUid: string,
  range: BlockRange,
  { geometry, now }: { geometry: Geometry; now: Date },
): void {
  const lastId = blockCount(geometry) - 1;
  const lastSize = blockLength(geometry, lastId);
  connection
    .prepare(
      `INSERT INTO blocks (${INSERT_COLUMNS})
       WITH RECURSIVE n(id) AS (SELECT ? UNION ALL SELECT id + 1 FROM n WHERE id < ?)
       SELECT NULL, ?, id, ?, NULL, CASE id WHEN ? THEN ? ELSE ? END, 1, 0, NULL, NULL FROM n`,
    )
    .run(range.first, range.first + range.count - 1, versionUid, toStoredDate(now), lastId, lastSize, geometry.blockSize);
}

/** See BackupStore.discardBadBlocks. */
export async function discardBadBlocks(
  connection: SqliteConnection,
  versionUid: string,
  geometry: Geometry,
  nowSeconds: number,
): Promise<number> {
  const lastId = blockCount(geometry) - 1;
  const lastSize = blockLength(geometry, lastId);
  const bad = sql`version_uid = ? AND (valid = 0 OR size IS NOT CASE id WHEN ? THEN ? ELSE ? END OR id > ? OR id < 0 OR typeof(id) <> 'integer')`;
  const values = [versionUid, lastId, lastSize, geometry.blockSize, lastId];
  return connection.write(() => {
    makeCandidates(connection, bad, values, nowSeconds);
    return connection.prepare(sql`DELETE FROM blocks WHERE ${bad}`).run(...values).changes;
  });
}

/** Keeps the counters of a backup that runs, within the caller's transaction. */
export function saveCounters(connection: SqliteConnection, versionUid: string, counters: BackupCounters): void {
  connection
    .prepare('INSERT OR REPLACE INTO backy2_progress (version_uid, counters) VALUES (?, ?)')
    .run(versionUid, JSON.stringify(counters));
}

/** See BackupStore.savedCounters. */
export async function savedCounters(connection: SqliteConnection, versionUid: string): Promise<BackupCounters | undefined> {
  // A write transaction makes sure that the side table is there, in a database that the original made.
  const row = await connection.write(
    () =>
      connection.prepare('SELECT counters FROM backy2_progress WHERE version_uid = ?').get(versionUid) as
        | { counters: string }
        | undefined,
  );
  return row === undefined ? undefined : (JSON.parse(row.counters) as BackupCounters);
}

/** See BackupStore.findMigration. */
export async function findMigration(
  connection: SqliteConnection,
  { originUid, encVersion }: Migration,
): Promise<string | undefined> {
  // A write transaction for the same reason as in savedCounters.
  const row = await connection.write(
    () =>
      connection
        .prepare(
          `SELECT version_uid AS uid FROM backy2_migrations JOIN versions ON versions.uid = version_uid
           WHERE origin_uid = ? AND enc_version = ? AND valid = 0 ORDER BY date LIMIT 1`,
        )
        .get(originUid, encVersion) as { uid: string } | undefined,
  );
  return row?.uid;
}

/** See BackupStore.countersFromRows. */
export function countersFromRows(connection: SqliteConnection, versionUid: string): BackupCounters {
  const sums = connection
    .prepare(
      `SELECT count(uid) AS blocks, coalesce(sum(CASE WHEN uid IS NULL THEN 0 ELSE size END), 0) AS bytes,
              count(*) - count(uid) AS sparseBlocks, coalesce(sum(CASE WHEN uid IS NULL THEN size ELSE 0 END), 0) AS sparseBytes
       FROM blocks WHERE version_uid = ?`,
    )
    .get(versionUid) as RowSums;
  return countersOfRows(sums);
}

/** See BackupStore.finishBackup. */
export async function finishBackup(
  connection: SqliteConnection,
  version: Version,
  counters: BackupCounters | undefined,
): Promise<boolean> {
  const build = await statementBuilder();
  return connection.write(() => {
    const { fitting: rows } = checkIds(connection, version.uid, version.size);
    // The last guard of the promise that a valid version is whole, whatever went wrong before.
    if (rows !== version.size) throw new BackyError('failed', `Version ${version.uid} has ${rows} of ${version.size} blocks.`);
    if (hasBadBlock(connection, version.uid)) return false;
    if (counters !== undefined) connection.run(statsInsert(build, version, counters));
    connection.run(build('versions').where('uid', version.uid).update({ valid: 1 }));
    for (const table of ['backy2_progress', 'backy2_migrations'])
      connection.run(build(table).where('version_uid', version.uid).delete());
    return true;
  });
}

function statsInsert(build: Knex, version: Version, counters: BackupCounters): Knex.QueryBuilder {
  return build('stats').insert({ date: build.raw("datetime('now')"), ...toStatsColumns(version, counters) });
}

/** In the order of the table, where a backup's rows lie together: by id, each would be a page of its own after a take-over. */
function hasBadBlock(connection: SqliteConnection, versionUid: string): boolean {
  const first = connection.prepare('SELECT min(rowid) AS row FROM blocks WHERE version_uid = ?').get(versionUid) as {
    row: number | null;
  };
  const bad = 'SELECT 1 FROM blocks WHERE rowid >= ? AND +version_uid = ? AND valid = 0 LIMIT 1';
  return first.row !== null && connection.prepare(bad).get(first.row, versionUid) !== undefined;
}
