import { groupBy } from '../../model/group-by.ts';
import type { BlobHolder, BlobName } from '../block-store.ts';
import { markVersions, type PlacedHolder } from '../sql/blocks.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowOf, rowsOf, type Steps } from '../sql/steps.ts';
import { blobsByUid } from './blobs.ts';
import { noteBlobs } from './catalogue-marks.ts';
import { LEAF_BLOCKS } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { isSame } from './named-blobs.ts';
import { EVERY_LEAF, findHolders, type Holder, holdersOf, type LeafRange, PAGE_LEAVES, usesOf } from './scan.ts';

/**
 * See BlockStore.markBlobsInvalid. One row of a blob stands for all its blocks. Which versions have
 * them takes a look at all leaves: seconds for hundreds of millions of blocks. Nobody waits for
 * that: only the leaves that were added meanwhile are looked at in the transaction that marks.
 */
export async function markBlobsInvalid(db: SqlDatabase, blobs: readonly BlobName[]): Promise<BlobHolder[][]> {
  const hash = await leafHash();
  const places = await db.read(() => placesOfBlobs(db, blobs));
  const holders: Holder[] = [];
  const range: LeafRange = { ...EVERY_LEAF };
  for (;;) {
    // Leaves with lower ids are committed then: transactions that add some hold the lock.
    const last = await db.transaction(lastLeaf, 'judging');
    if (last - range.after <= PAGE_LEAVES) break;
    holders.push(...(await findHolders(db, hash, new Set(places.keys()), { ...range, last })));
    range.after = last;
  }
  return db.transaction(function* () {
    // One that was healed meanwhile is another blob by now.
    const bad = yield* placesOfBlobs(db, blobs);
    if (bad.size === 0) return blobs.map(() => []);
    const turned = yield* rowsOf<{ id: number }>(
      sql`UPDATE backy2_blobs SET valid = 0 WHERE ${db.dialect.among(sql`id`, [...bad.keys()])} AND valid <> 0 RETURNING id`,
    );
    yield* noteBlobs(
      db,
      turned.map(({ id }) => id),
    );
    const added = yield* holdersOf(db, hash, new Set(bad.keys()), range);
    return yield* markVersions(db, blobs.length, yield* holdersOfBlobs(db, [...holders, ...added], bad));
  }, 'judging');
}

function* lastLeaf(): Steps<number> {
  const { last } = yield* rowOf<{ last: number }>(sql`SELECT coalesce(max(id), 0) AS last FROM backy2_leaves`);
  return last;
}

/** The rows of blobs: for each, the place of its blob in the list. */
function* placesOfBlobs(db: SqlDatabase, blobs: readonly BlobName[]): Steps<Map<number, number>> {
  const uids = [...new Set(blobs.map(({ uid }) => uid))];
  const byUid = groupBy(yield* blobsByUid(db, uids), ({ uid }) => uid);
  const places = new Map<number, number>();
  for (const [place, { uid, checksum }] of blobs.entries())
    for (const row of byUid.get(uid) ?? []) if (isSame(row.checksum, checksum)) places.set(row.id, place);
  return places;
}

/** The versions that have blobs: for each version and blob, its first block. */
function* holdersOfBlobs(db: SqlDatabase, holders: readonly Holder[], bad: ReadonlyMap<number, number>): Steps<PlacedHolder[]> {
  const byLeaf = new Map(holders.map((holder) => [holder.leaf, holder.places]));
  const found = new Map<string, PlacedHolder>();
  for (const { leaf, versionUid, idx } of yield* usesOf(db, [...byLeaf.keys()]))
    for (const { offset, blob } of byLeaf.get(leaf) ?? []) {
      const place = bad.get(blob);
      if (place === undefined) continue;
      const id = idx * LEAF_BLOCKS + offset;
      const known = found.get(`${place} ${versionUid}`);
      if (known === undefined) found.set(`${place} ${versionUid}`, { place, versionUid, id });
      else known.id = Math.min(known.id, id);
    }
  return [...found.values()];
}
