import { toStoredDate } from '../../model/dates.ts';
import type { TaggedVersion, VersionFilter } from '../../model/version.ts';
import { toVersion, type VersionRecord } from '../sql/rows.ts';
import { joinSql, type Sql, sql } from '../sql/sql-text.ts';
import type { SqliteConnection } from './connection.ts';
import { statementBuilder } from './statement-builder.ts';

/** Conditions that all hold, each with the value for its question mark. */
type Conditions = [condition: Sql, value: string][];

/** See VersionStore.findVersion. */
export function findVersion(connection: SqliteConnection, uid: string): TaggedVersion | undefined {
  return select(connection, [[sql`uid = ?`, uid]])[0];
}

/** See VersionStore.listVersions. Written out: `ls` is to start without knex. */
export function listVersions(connection: SqliteConnection, filter: VersionFilter): TaggedVersion[] {
  const conditions: Conditions = [];
  if (filter.name !== undefined) conditions.push([sql`name = ?`, filter.name]);
  if (filter.snapshotName !== undefined) conditions.push([sql`snapshot_name = ?`, filter.snapshotName]);
  if (filter.tag !== undefined) conditions.push([sql`uid IN (SELECT version_uid FROM tags WHERE name = ?)`, filter.tag]);
  if (filter.expiredAt !== undefined) conditions.push([sql`expire < ? AND expire <> ''`, toStoredDate(filter.expiredAt)]);
  return select(connection, conditions);
}

function select(connection: SqliteConnection, conditions: Conditions): TaggedVersion[] {
  const where = conditions.map(([condition]) => sql` AND ${condition}`);
  const records = connection
    .prepare(sql`SELECT * FROM versions WHERE 1 = 1${joinSql(where, '')} ORDER BY name, date`)
    .all(...conditions.map(([, value]) => value)) as VersionRecord[];
  const tags = tagsOf(connection, records.length === 1 ? records[0]?.uid : undefined);
  return records.map((record) => ({ ...toVersion(record), tags: tags.get(record.uid) ?? [] }));
}

/** Tags of one version, or of all: one query for thousands of versions instead of one each. */
function tagsOf(connection: SqliteConnection, uid: string | undefined): Map<string, string[]> {
  const where = uid === undefined ? sql`` : sql`WHERE version_uid = ?`;
  const rows = connection
    .prepare(sql`SELECT version_uid, name FROM tags ${where} ORDER BY version_uid, name`)
    .all(...(uid === undefined ? [] : [uid])) as { version_uid: string; name: string }[];
  const byVersion = new Map<string, string[]>();
  for (const { version_uid, name } of rows) {
    const tags = byVersion.get(version_uid);
    if (tags === undefined) byVersion.set(version_uid, [name]);
    else tags.push(name);
  }
  return byVersion;
}

/** Sets columns of one version. */
export async function updateVersion(
  connection: SqliteConnection,
  uid: string,
  values: Record<string, string | number | null>,
): Promise<void> {
  const build = await statementBuilder();
  await connection.write(() => connection.run(build('versions').where('uid', uid).update(values)));
}

/** Adds tags within the caller's transaction. */
export function insertTags(connection: SqliteConnection, uid: string, tags: readonly string[]): void {
  const insert = connection.prepare(
    'INSERT INTO tags (version_uid, name) VALUES (?, ?) ON CONFLICT (version_uid, name) DO NOTHING',
  );
  for (const name of tags) insert.run(uid, name);
}

/** See VersionStore.removeTags. */
export async function removeTags(connection: SqliteConnection, uid: string, tags: readonly string[]): Promise<void> {
  const build = await statementBuilder();
  await connection.write(() =>
    connection.run(
      build('tags')
        .where('version_uid', uid)
        .whereIn('name', [...tags])
        .delete(),
    ),
  );
}

/** See VersionStore.setVersionValid. */
export async function setVersionValid(connection: SqliteConnection, uid: string): Promise<void> {
  const build = await statementBuilder();
  await connection.write(() => {
    connection.run(build('blocks').where({ version_uid: uid, valid: 0 }).update({ valid: 1 }));
    connection.run(build('versions').where('uid', uid).update({ valid: 1 }));
  });
}

/** Makes the blobs of block rows candidates for deletion, within the caller's transaction. */
export function makeCandidates(connection: SqliteConnection, where: Sql, values: (string | number)[], nowSeconds: number): void {
  connection
    .prepare(
      sql`INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
       SELECT uid, max(size), 0, ? FROM blocks WHERE ${where} AND uid IS NOT NULL AND uid <> '' GROUP BY uid`,
    )
    .run(nowSeconds, ...values);
}
