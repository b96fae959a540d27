import { LEAF_BLOCKS, leafOfBlock } from '../../model/catalogue-leaf.ts';
import { isBlockId } from './block-conditions.ts';
import type { SqlDatabase } from './database.ts';
import { literal, type Sql, sql } from './statement.ts';
import { rowsOf, run, type Steps } from './steps.ts';

/**
 * Marks of changes that the catalogue does not show yet (docs/spec/formats.md §8). Each belongs to
 * the transaction of the change. It counts the change before it marks leaves: the count locks the
 * version's row, so that nobody settles the version in between. Marks come after locks of versions
 * and changes of blocks wherever another order could end in a deadlock.
 */

/** In place of a leaf: any of the version. */
const ALL_LEAVES = literal(-1);

/** A condition: the version is tracked, and not removed. */
export const IS_TRACKED = sql`removed IS NULL`;

/** Counts a change of a version. @returns whether it is tracked. */
export function* noteChange(versionUid: string): Steps<boolean> {
  const count = sql`UPDATE backy2_catalogue SET changes = changes + 1 WHERE version_uid = ${versionUid} AND ${IS_TRACKED}`;
  return (yield* run(count)) > 0;
}

/** The same for several versions. @returns those that are tracked. */
export function* noteChanges({ dialect }: Pick<SqlDatabase, 'dialect'>, versionUids: readonly string[]): Steps<string[]> {
  if (versionUids.length === 0) return [];
  const counted = yield* rowsOf<{ uid: string }>(
    sql`UPDATE backy2_catalogue SET changes = changes + 1
      WHERE ${dialect.among(sql`version_uid`, versionUids)} AND ${IS_TRACKED} RETURNING version_uid AS uid`,
  );
  return counted.map(({ uid }) => uid);
}

/** Notes that any block of a version may have changed. */
export function* noteWhole(versionUid: string): Steps<void> {
  if (yield* noteChange(versionUid)) yield* markAll(versionUid);
}

function* markAll(versionUid: string): Steps<void> {
  yield* run(
    sql`INSERT INTO backy2_catalogue_leaves (version_uid, leaf) VALUES (${versionUid}, ${ALL_LEAVES}) ON CONFLICT DO NOTHING`,
  );
}

/** Whether any version is tracked, or was. */
export function* isAnyTracked(): Steps<boolean> {
  return (yield* rowsOf(sql`SELECT 1 AS one FROM backy2_catalogue LIMIT 1`)).length > 0;
}

/**
 * Notes that rows of table `blocks` change. Runs before the change: `where` tells which. One look
 * into an empty table where nothing is tracked.
 */
export function* noteRows(db: SqlDatabase, where: Sql): Steps<void> {
  if (!(yield* isAnyTracked())) return;
  yield* run(
    sql`UPDATE backy2_catalogue SET changes = changes + 1
      WHERE ${IS_TRACKED} AND version_uid IN (SELECT version_uid FROM blocks WHERE ${where})`,
  );
  yield* run(
    sql`INSERT INTO backy2_catalogue_leaves (version_uid, leaf)
      SELECT DISTINCT version_uid, id / ${literal(LEAF_BLOCKS)} FROM blocks
      WHERE ${where} AND ${isBlockId(db)} AND id >= 0
        AND version_uid IN (SELECT version_uid FROM backy2_catalogue WHERE ${IS_TRACKED})
      ON CONFLICT DO NOTHING`,
  );
}

/** Blocks that changed, by version and leaf, where no statement can tell. */
export class ChangedLeaves {
  readonly #byVersion = new Map<string, Set<number>>();

  /** Adds a block. A damaged id counts as a change of the version alone. */
  add(versionUid: string, id: number): void {
    this.addLeaf(versionUid, leafOfBlock(id));
  }

  addLeaf(versionUid: string, leaf: number): void {
    let leaves = this.#byVersion.get(versionUid);
    if (leaves === undefined) {
      leaves = new Set();
      this.#byVersion.set(versionUid, leaves);
    }
    if (leaf >= 0) leaves.add(leaf);
  }

  /** Notes all of them. */
  *note(db: Pick<SqlDatabase, 'dialect'>): Steps<void> {
    const tracked = yield* noteChanges(db, [...this.#byVersion.keys()]);
    const places = tracked.flatMap((uid) => [...(this.#byVersion.get(uid) ?? [])].map((leaf) => ({ uid, leaf })));
    yield* db.dialect.insertRows(
      sql`backy2_catalogue_leaves`,
      [
        { name: sql`version_uid`, type: 'text', values: places.map(({ uid }) => uid) },
        { name: sql`leaf`, type: 'number', values: places.map(({ leaf }) => leaf) },
      ],
      sql`ON CONFLICT DO NOTHING`,
    );
  }
}

/** Begins to track an imported version. A removal of the same version that was recorded is over. */
export function* trackImported(versionUid: string): Steps<void> {
  yield* run(
    sql`INSERT INTO backy2_catalogue (version_uid, changes, written, folder, marked) VALUES (${versionUid}, 1, 0, '', 0)
      ON CONFLICT (version_uid) DO UPDATE
        SET changes = backy2_catalogue.changes + 1, written = 0, name = NULL, removed = NULL, marked = 0`,
  );
  yield* markAll(versionUid);
}

/** Records the removal of a version, which is still there, if it may have a manifest. */
export function* noteRemoval({ dialect }: SqlDatabase, versionUid: string): Steps<void> {
  yield* run(
    sql`UPDATE backy2_catalogue
      SET removed = ${dialect.nowSeconds()}, marked = 0, name = (SELECT name FROM versions WHERE uid = ${versionUid})
      WHERE version_uid = ${versionUid} AND ${IS_TRACKED}`,
  );
  yield* run(sql`DELETE FROM backy2_catalogue WHERE version_uid = ${versionUid} AND folder = ''`);
  yield* run(sql`DELETE FROM backy2_catalogue_leaves WHERE version_uid = ${versionUid}`);
}
