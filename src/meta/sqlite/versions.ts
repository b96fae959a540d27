import { toStoredDate } from '../dates.ts';
import type { TaggedVersion, VersionFilter } from '../types.ts';
import type { SqliteConnection } from './connection.ts';
import { toVersion, type VersionRecord } from './rows.ts';

/** See VersionStore.findVersion. */
export function findVersion(connection: SqliteConnection, uid: string): TaggedVersion | undefined {
  return select(connection, (query) => query.where('versions.uid', uid))[0];
}

/** See VersionStore.listVersions. */
export function listVersions(connection: SqliteConnection, filter: VersionFilter): TaggedVersion[] {
  return select(connection, (query) => {
    if (filter.name !== undefined) query.where('versions.name', filter.name);
    if (filter.snapshotName !== undefined) query.where('versions.snapshot_name', filter.snapshotName);
    if (filter.tag !== undefined) {
      query.whereIn('versions.uid', connection.build('tags').select('version_uid').where('name', filter.tag));
    }
    if (filter.expiredAt !== undefined)
      query.where('versions.expire', '<', toStoredDate(filter.expiredAt)).whereNot('versions.expire', '');
  });
}

type Query = ReturnType<SqliteConnection['build']['queryBuilder']>;

function select(connection: SqliteConnection, narrow: (query: Query) => void): TaggedVersion[] {
  const query = connection.build('versions').select('*').orderBy(['name', 'date']);
  narrow(query);
  const versions = connection.all<VersionRecord>(query).map((record) => ({ ...toVersion(record), tags: [] as string[] }));
  const tags = tagsOf(connection, versions.length === 1 ? versions[0]?.uid : undefined);
  for (const version of versions) version.tags = tags.get(version.uid) ?? [];
  return versions;
}

/** Tags of one version, or of all: one query for thousands of versions instead of one each. */
function tagsOf(connection: SqliteConnection, uid: string | undefined): Map<string, string[]> {
  const query = connection.build('tags').select('version_uid', 'name').orderBy(['version_uid', 'name']);
  if (uid !== undefined) query.where('version_uid', uid);
  const byVersion = new Map<string, string[]>();
  for (const { version_uid, name } of connection.all<{ version_uid: string; name: string }>(query)) {
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
  await connection.write(() => connection.run(connection.build('versions').where('uid', uid).update(values)));
}

/** Adds tags within the caller's transaction. */
export function insertTags(connection: SqliteConnection, uid: string, tags: readonly string[]): void {
  for (const name of tags) {
    connection.run(connection.build('tags').insert({ version_uid: uid, name }).onConflict(['version_uid', 'name']).ignore());
  }
}

/** See VersionStore.removeTags. */
export async function removeTags(connection: SqliteConnection, uid: string, tags: readonly string[]): Promise<void> {
  await connection.write(() =>
    connection.run(
      connection
        .build('tags')
        .where('version_uid', uid)
        .whereIn('name', [...tags])
        .delete(),
    ),
  );
}

/** See VersionStore.setVersionValid. */
export async function setVersionValid(connection: SqliteConnection, uid: string): Promise<void> {
  await connection.write(() => {
    connection.run(connection.build('blocks').where({ version_uid: uid, valid: 0 }).update({ valid: 1 }));
    connection.run(connection.build('versions').where('uid', uid).update({ valid: 1 }));
  });
}

/** Makes the blobs of block rows candidates for deletion, within the caller's transaction. */
export function makeCandidates(
  connection: SqliteConnection,
  where: string,
  values: (string | number)[],
  nowSeconds: number,
): void {
  connection
    .prepare(
      `INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
       SELECT uid, max(size), 0, ? FROM blocks WHERE ${where} AND uid IS NOT NULL AND uid <> '' GROUP BY uid`,
    )
    .run(nowSeconds, ...values);
}
