import { leafOfBlock } from '../../model/catalogue-leaf.ts';
import { groupBy } from '../../model/group-by.ts';
import { ChangedLeaves, isAnyTracked } from '../sql/catalogue-marks.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { LEAF_BLOCKS } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { holdersOf, usesOf } from './scan.ts';

/**
 * Notes that all blocks of these blobs change, within the transaction of the change. Which leaves
 * have them is looked for later, by {@link resolveBlobs}: it takes a look at all leaves.
 */
export function* noteBlobs({ dialect }: SqlDatabase, blobs: readonly number[]): Steps<void> {
  if (blobs.length === 0 || !(yield* isAnyTracked())) return;
  const columns = [{ name: sql`blob`, type: 'number', values: blobs }] as const;
  yield* dialect.insertRows(sql`backy2_catalogue_blobs`, columns, sql`ON CONFLICT DO NOTHING`);
}

/**
 * Enters blobs that changed as changes of versions and leaves. Reads all leaves if there are any
 * such blobs: 10 µs for each. A database that can't be written stays as it is.
 */
export async function resolveBlobs(db: SqlDatabase): Promise<void> {
  if (db.readOnlyReason !== undefined || !(await hasChangedBlobs(db))) return;
  const hash = await leafHash();
  await db.transaction(function* () {
    const rows = yield* rowsOf<{ blob: number }>(sql`SELECT blob FROM backy2_catalogue_blobs`);
    const blobs = new Set(rows.map(({ blob }) => blob));
    const holders = yield* holdersOf(db, hash, blobs);
    const uses = groupBy(
      yield* usesOf(
        db,
        holders.map(({ leaf }) => leaf),
      ),
      ({ leaf }) => leaf,
    );
    const changed = new ChangedLeaves();
    for (const { leaf, places } of holders) {
      // One offset for each leaf of the catalogue: a blob may be everywhere, in many versions.
      const offsets = new Map(places.map(({ offset }) => [leafOfBlock(offset), offset]));
      for (const offset of offsets.values())
        for (const { versionUid, idx } of uses.get(leaf) ?? []) changed.add(versionUid, idx * LEAF_BLOCKS + offset);
    }
    yield* changed.note(db);
    yield* run(sql`DELETE FROM backy2_catalogue_blobs WHERE ${db.dialect.among(sql`blob`, [...blobs])}`);
  }, 'judging');
}

async function hasChangedBlobs(db: SqlDatabase): Promise<boolean> {
  if ((await db.query(db.dialect.hasTable('backy2_catalogue_blobs'))).length === 0) return false;
  return (await db.query(sql`SELECT 1 AS one FROM backy2_catalogue_blobs LIMIT 1`)).length > 0;
}
