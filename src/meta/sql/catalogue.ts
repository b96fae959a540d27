import type { CatalogueChanges, CatalogueStore, RemovedManifest, WrittenManifest } from '../catalogue-store.ts';
import { IS_TRACKED, noteWhole } from './catalogue-marks.ts';
import type { SqlDatabase } from './database.ts';
import { type Sql, sql } from './statement.ts';
import { rowsOf, run } from './steps.ts';
import { lockVersion } from './version-steps.ts';

/** A condition on a row of table versions: the version has blocks. */
const HAS_ROWS = sql`EXISTS (SELECT 1 FROM blocks WHERE version_uid = versions.uid)`;

/**
 * See CatalogueStore.trackVersions. No transaction changes any of them at the same time: it would
 * find that they are not tracked. @param hasBlocks a condition on a row of table versions.
 */
export async function trackVersions(db: SqlDatabase, versionUids: readonly string[], hasBlocks = HAS_ROWS): Promise<void> {
  const { dialect } = db;
  await db.transaction(function* () {
    for (const uid of [...versionUids].sort()) yield* lockVersion(db, uid);
    // A version that came back after its removal is a new one.
    const added = yield* rowsOf<{ uid: string }>(
      sql`INSERT INTO backy2_catalogue (version_uid, changes, written, folder, marked)
        SELECT uid, 1, 0, '', 0 FROM versions WHERE ${dialect.among(sql`uid`, versionUids)}
        ON CONFLICT (version_uid) DO UPDATE
          SET changes = backy2_catalogue.changes + 1, written = 0, name = NULL, removed = NULL, marked = 0
          WHERE backy2_catalogue.removed IS NOT NULL
        RETURNING version_uid AS uid`,
    );
    const uids = added.map(({ uid }) => uid);
    if (uids.length === 0) return;
    yield* run(
      sql`INSERT INTO backy2_catalogue_leaves (version_uid, leaf)
        SELECT uid, -1 FROM versions WHERE ${dialect.among(sql`uid`, uids)} AND ${hasBlocks} ON CONFLICT DO NOTHING`,
    );
  }, 'judging');
}

/** See CatalogueStore.versionsWithoutManifest. */
export async function versionsWithoutManifest(db: SqlDatabase): Promise<string[]> {
  if (!(await isThere(db))) return uidsOf(db, sql`FROM versions WHERE valid = 1`);
  return uidsOf(
    db,
    sql`FROM versions LEFT JOIN backy2_catalogue ON version_uid = uid AND ${IS_TRACKED}
      WHERE valid = 1 AND (version_uid IS NULL OR written = 0)`,
  );
}

/** See CatalogueStore.versionsBeforeManifest. */
export async function versionsBeforeManifest(db: SqlDatabase): Promise<string[]> {
  if (!(await isThere(db))) return uidsOf(db, sql`FROM versions WHERE valid <> 1`);
  return uidsOf(
    db,
    sql`FROM versions LEFT JOIN backy2_catalogue ON version_uid = uid WHERE valid <> 1 AND coalesce(folder, '') = ''`,
  );
}

/** See CatalogueStore.staleVersions. */
export async function staleVersions(db: SqlDatabase): Promise<string[]> {
  if (!(await isThere(db))) return [];
  return uidsOf(
    db,
    sql`FROM versions JOIN backy2_catalogue ON version_uid = uid
      WHERE ${IS_TRACKED} AND changes <> written AND (valid = 1 OR written > 0 OR folder <> '')`,
  );
}

/** The versions of a query, by name and date. */
async function uidsOf(db: SqlDatabase, from: Sql): Promise<string[]> {
  const { byBytes } = db.dialect;
  const rows = await db.query<{ uid: string }>(
    sql`SELECT uid ${from} ORDER BY ${byBytes(sql`versions.name`)}, date, ${byBytes(sql`uid`)}`,
  );
  return rows.map(({ uid }) => uid);
}

/** See CatalogueStore.catalogueChanges. One statement: no change or settlement comes in between. */
export async function catalogueChanges(db: SqlDatabase, versionUid: string): Promise<CatalogueChanges | undefined> {
  if (!(await isThere(db))) return undefined;
  const rows = await db.query<{ changes: number; written: number; leaf: number | null }>(
    sql`SELECT changes, written, leaf FROM backy2_catalogue AS tracked
      LEFT JOIN backy2_catalogue_leaves AS stale ON stale.version_uid = tracked.version_uid
      WHERE tracked.version_uid = ${versionUid} AND ${IS_TRACKED} ORDER BY leaf`,
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const leaves = rows.flatMap(({ leaf }) => leaf ?? []);
  return { changes: first.changes, written: first.written, leaves: leaves.includes(-1) ? 'all' : leaves };
}

/** See CatalogueStore.markManifestStale. */
export async function markManifestStale(db: SqlDatabase, versionUid: string): Promise<void> {
  await db.transaction(() => noteWhole(versionUid));
}

/** See CatalogueStore.settleManifest. */
export function settleManifest(db: SqlDatabase, { versionUid, changes, folder }: WrittenManifest): Promise<boolean> {
  return db.transaction(function* () {
    const [row] = yield* rowsOf<{ settled: number }>(
      sql`UPDATE backy2_catalogue SET folder = ${folder},
          written = CASE WHEN changes = ${changes} AND ${IS_TRACKED} THEN changes ELSE written END
        WHERE version_uid = ${versionUid}
        RETURNING CASE WHEN changes = ${changes} AND ${IS_TRACKED} THEN 1 ELSE 0 END AS settled`,
    );
    if (row?.settled !== 1) return false;
    yield* run(sql`DELETE FROM backy2_catalogue_leaves WHERE version_uid = ${versionUid}`);
    return true;
  });
}

/** See CatalogueStore.writtenManifests. */
export async function writtenManifests(db: SqlDatabase): ReturnType<CatalogueStore['writtenManifests']> {
  if (!(await isThere(db))) return [];
  const { byBytes } = db.dialect;
  return db.query(
    sql`SELECT version_uid AS "versionUid", versions.name AS name, folder, written
      FROM backy2_catalogue JOIN versions ON uid = version_uid
      WHERE ${IS_TRACKED} AND written > 0 ORDER BY ${byBytes(sql`versions.name`)}, date, ${byBytes(sql`uid`)}`,
  );
}

/** See CatalogueStore.removedManifests. */
export async function removedManifests(db: SqlDatabase): Promise<RemovedManifest[]> {
  if (!(await isThere(db))) return [];
  const rows = await db.query<Omit<RemovedManifest, 'isMarked'> & { marked: number }>(
    sql`SELECT version_uid AS "versionUid", coalesce(name, '') AS name, folder, removed, marked FROM backy2_catalogue
      WHERE removed IS NOT NULL ORDER BY removed, ${db.dialect.byBytes(sql`version_uid`)}`,
  );
  return rows.map(({ marked, ...manifest }) => ({ ...manifest, isMarked: marked === 1 }));
}

/** See CatalogueStore.settleRemovals. */
export async function settleRemovals(db: SqlDatabase, versionUids: readonly string[]): Promise<void> {
  const isOne = db.dialect.among(sql`version_uid`, versionUids);
  await db.transaction(() => run(sql`UPDATE backy2_catalogue SET marked = 1 WHERE ${isOne} AND removed IS NOT NULL`));
}

/** See CatalogueStore.forgetManifests. Those of versions that another program removed go too. */
export async function forgetManifests(db: SqlDatabase, versionUids: readonly string[]): Promise<void> {
  const isOne = db.dialect.among(sql`version_uid`, versionUids);
  await db.transaction(function* () {
    const gone = yield* rowsOf<{ uid: string }>(
      sql`DELETE FROM backy2_catalogue WHERE ${isOne} AND NOT EXISTS (SELECT 1 FROM versions WHERE uid = version_uid)
        RETURNING version_uid AS uid`,
    );
    const uids = gone.map(({ uid }) => uid);
    if (uids.length > 0) yield* run(sql`DELETE FROM backy2_catalogue_leaves WHERE ${db.dialect.among(sql`version_uid`, uids)}`);
  });
}

/** See CatalogueStore.recordRemovals. A version that is there was not removed. */
export async function recordRemovals(db: SqlDatabase, removed: readonly RemovedManifest[]): Promise<void> {
  const rows = removed.map(({ isMarked, ...manifest }) => ({ ...manifest, marked: isMarked ? 1 : 0 }));
  await db.transaction(() =>
    run(
      sql`INSERT INTO backy2_catalogue (version_uid, changes, written, folder, name, removed, marked)
        SELECT value ->> 'versionUid', 1, 1, value ->> 'folder', value ->> 'name',
          CAST(value ->> 'removed' AS BIGINT), CAST(value ->> 'marked' AS INTEGER)
        FROM ${db.dialect.jsonRows(rows)} WHERE NOT EXISTS (SELECT 1 FROM versions WHERE uid = value ->> 'versionUid')
        ON CONFLICT (version_uid) DO NOTHING`,
    ),
  );
}

/** Whether there can be tracked versions. Makes no table: a host that only reads may not. */
async function isThere(db: SqlDatabase): Promise<boolean> {
  return (await db.query(db.dialect.hasTable('backy2_catalogue'))).length > 0;
}
