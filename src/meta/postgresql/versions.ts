import { toStoredDate } from '../../model/dates.ts';
import type { TaggedVersion, VersionFilter } from '../../model/version.ts';
import { toVersion, type VersionRecord } from '../sql/rows.ts';
import { joinSql, type Sql, sql } from '../sql/sql-text.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';
import { statementBuilder } from './statement-builder.ts';

/** Conditions that all hold, each made for the number of its value. */
type Conditions = [condition: (n: number) => Sql, value: string][];

/** See VersionStore.findVersion. */
export async function findVersion(connection: PostgresConnection, uid: string): Promise<TaggedVersion | undefined> {
  return (await select(connection, [[(n) => sql`uid = $${n}`, uid]]))[0];
}

/** See VersionStore.listVersions. */
export function listVersions(connection: PostgresConnection, filter: VersionFilter): Promise<TaggedVersion[]> {
  const conditions: Conditions = [];
  if (filter.name !== undefined) conditions.push([(n) => sql`name = $${n}`, filter.name]);
  if (filter.snapshotName !== undefined) conditions.push([(n) => sql`snapshot_name = $${n}`, filter.snapshotName]);
  if (filter.tag !== undefined)
    conditions.push([(n) => sql`uid IN (SELECT version_uid FROM tags WHERE name = $${n})`, filter.tag]);
  if (filter.expiredAt !== undefined) conditions.push([(n) => sql`expire < $${n}`, toStoredDate(filter.expiredAt)]);
  return select(connection, conditions);
}

interface TaggedRecord extends VersionRecord {
  tags: string[];
}

/** In one statement, so that versions and tags are of the same moment. Names sort by their bytes, as in SQLite, whatever the database's collation. */
async function select(connection: PostgresConnection, conditions: Conditions): Promise<TaggedVersion[]> {
  const where = conditions.map(([condition], i) => sql` AND ${condition(i + 1)}`);
  const records = await connection.query<TaggedRecord>(
    sql`SELECT versions.*, ARRAY(SELECT name::text FROM tags WHERE version_uid = uid ORDER BY name COLLATE "C") AS tags
     FROM versions WHERE true${joinSql(where, '')} ORDER BY name COLLATE "C", date, uid COLLATE "C"`,
    conditions.map(([, value]) => value),
  );
  return records.map((record) => ({ ...toVersion(record), tags: record.tags }));
}

/** Sets columns of one version. */
export async function updateVersion(
  connection: PostgresConnection,
  uid: string,
  values: Record<string, string | number | null>,
): Promise<void> {
  const build = await statementBuilder();
  await connection.write((session) => session.runBuilt(build('versions').where('uid', uid).update(values)));
}

/** Adds tags within the caller's transaction. */
export async function insertTags(session: Session, uid: string, tags: readonly string[]): Promise<void> {
  if (tags.length === 0) return;
  await session.run(
    'INSERT INTO tags (version_uid, name) SELECT $1, unnest($2::text[]) ON CONFLICT (version_uid, name) DO NOTHING',
    [uid, arrayOf(tags)],
  );
}

/** See VersionStore.removeTags. */
export async function removeTags(connection: PostgresConnection, uid: string, tags: readonly string[]): Promise<void> {
  const build = await statementBuilder();
  const query = build('tags')
    .where('version_uid', uid)
    .whereIn('name', [...tags])
    .delete();
  await connection.write((session) => session.runBuilt(query));
}

/** See VersionStore.setVersionValid. The version's row is locked first: see {@link lockVersion}. */
export async function setVersionValid(connection: PostgresConnection, uid: string): Promise<void> {
  await connection.write(async (session) => {
    await lockVersion(session, uid);
    await session.run('UPDATE blocks SET valid = 1 WHERE version_uid = $1 AND valid = 0', [uid]);
    await session.run('UPDATE versions SET valid = 1 WHERE uid = $1', [uid]);
  });
}

/**
 * Locks a version's row before its blocks are judged: who marks one of them invalid meanwhile marks the version after us, so that it
 * never ends up valid with an invalid block. Rows that refer to it can be added all the same.
 */
export async function lockVersion(session: Session, uid: string): Promise<void> {
  await session.run('SELECT 1 FROM versions WHERE uid = $1 FOR NO KEY UPDATE', [uid]);
}
