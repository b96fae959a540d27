import { toStoredDate } from '../../model/dates.ts';
import type { TaggedVersion, VersionFilter } from '../../model/version.ts';
import { noteChange, noteRows } from './catalogue-marks.ts';
import type { SqlDatabase } from './database.ts';
import { toVersion, type VersionRecord } from './rows.ts';
import { joinSql, type Sql, sql } from './statement.ts';
import { statementBuilder } from './statement-builder.ts';
import { run } from './steps.ts';
import { insertTags, lockVersion } from './version-steps.ts';

/** See VersionStore.findVersion. */
export async function findVersion(db: SqlDatabase, uid: string): Promise<TaggedVersion | undefined> {
  return (await select(db, [sql` AND uid = ${uid}`]))[0];
}

/** See VersionStore.listVersions. */
export function listVersions(db: SqlDatabase, filter: VersionFilter): Promise<TaggedVersion[]> {
  const { name, snapshotName, tag, datedAfter, expiredAt } = filter;
  const conditions: Sql[] = [];
  if (name !== undefined) conditions.push(sql` AND versions.name = ${name}`);
  if (snapshotName !== undefined) conditions.push(sql` AND snapshot_name = ${snapshotName}`);
  if (tag !== undefined) conditions.push(sql` AND uid IN (SELECT version_uid FROM tags WHERE name = ${tag})`);
  if (datedAfter !== undefined) conditions.push(sql` AND date > ${toStoredDate(datedAfter)}`);
  // Old imports into SQLite have left empty dates.
  if (expiredAt !== undefined)
    conditions.push(sql` AND expire < ${toStoredDate(expiredAt)} AND CAST(expire AS VARCHAR(32)) <> ''`);
  return select(db, conditions);
}

/** See VersionStore.findNewest. One pass over the table: there is no index of names. */
export async function findNewest(db: SqlDatabase, name: string, until: Date): Promise<TaggedVersion | undefined> {
  const isLater = sql`CASE WHEN date > ${toStoredDate(until)} THEN 1 ELSE 0 END`;
  const newest = sql`SELECT uid FROM versions WHERE name = ${name} AND valid = 1
    ORDER BY ${isLater}, date DESC, ${db.dialect.byBytes(sql`uid`)} DESC LIMIT 1`;
  return (await select(db, [sql` AND uid = (${newest})`]))[0];
}

/** One statement, so that versions and tags are of the same moment: a row for each tag. */
async function select(db: SqlDatabase, conditions: readonly Sql[]): Promise<TaggedVersion[]> {
  const { byBytes } = db.dialect;
  const records = await db.query<VersionRecord & { tag: string | null }>(
    sql`SELECT versions.*, tags.name AS tag FROM versions LEFT JOIN tags ON version_uid = uid
      WHERE 1 = 1${joinSql(conditions, '')}
      ORDER BY ${byBytes(sql`versions.name`)}, date, ${byBytes(sql`uid`)}, ${byBytes(sql`tags.name`)}`,
  );
  const versions: TaggedVersion[] = [];
  for (const { tag, ...record } of records) {
    let version = versions.at(-1);
    if (version?.uid !== record.uid) {
      version = { ...toVersion(record), tags: [] };
      versions.push(version);
    }
    if (tag !== null) version.tags.push(tag);
  }
  return versions;
}

/** See VersionStore.setProtected. */
export function setProtected(db: SqlDatabase, uid: string, value: boolean): Promise<void> {
  return update(db, uid, { protected: value ? 1 : 0 });
}

/** See VersionStore.setExpire. */
export function setExpire(db: SqlDatabase, uid: string, expire: Date | null): Promise<void> {
  return update(db, uid, { expire: expire === null ? null : toStoredDate(expire) });
}

/** See VersionStore.setVersionInvalid. */
export function setVersionInvalid(db: SqlDatabase, uid: string): Promise<void> {
  return update(db, uid, { valid: 0 });
}

async function update(db: SqlDatabase, uid: string, columns: Partial<VersionRecord>): Promise<void> {
  const build = await statementBuilder();
  await db.transaction(function* () {
    yield* run(build('versions').where('uid', uid).update(columns));
    yield* noteChange(uid);
  });
}

/** See VersionStore.setVersionValid. */
export async function setVersionValid(db: SqlDatabase, uid: string): Promise<void> {
  const build = await statementBuilder();
  await db.transaction(function* () {
    yield* lockVersion(db, uid);
    yield* noteRows(db, sql`version_uid = ${uid} AND valid = 0`);
    yield* run(build('blocks').where({ version_uid: uid, valid: 0 }).update({ valid: 1 }));
    // A scrub of a good version changes nothing.
    const changed = yield* run(build('versions').where('uid', uid).whereNot('valid', 1).update({ valid: 1 }));
    if (changed > 0) yield* noteChange(uid);
  });
}

/** See VersionStore.addTags. */
export async function addTags(db: SqlDatabase, uid: string, tags: readonly string[]): Promise<void> {
  await db.transaction(function* () {
    yield* lockVersion(db, uid);
    yield* insertTags(uid, tags);
    yield* noteChange(uid);
  });
}

/** See VersionStore.removeTags. */
export async function removeTags(db: SqlDatabase, uid: string, tags: readonly string[]): Promise<void> {
  const build = await statementBuilder();
  const where = build('tags').where('version_uid', uid);
  await db.transaction(function* () {
    yield* lockVersion(db, uid);
    yield* run(where.whereIn('name', [...tags]).delete());
    yield* noteChange(uid);
  });
}
