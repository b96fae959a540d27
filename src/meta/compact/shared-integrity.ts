import type { Damage } from '../integrity-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import { blobsByUid, UNUSED } from './blobs.ts';
import { LEAF_BLOCKS } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { holdersOf, usesOf } from './scan.ts';

/** Findings of each kind that are listed. */
const MOST = 1_000;
/** Blobs that are looked for: 100 MB. */
const MOST_DOOMED = 1_000_000;

/** See IntegrityStore.checkShared. Reads all leaves if there are doomed or unused blobs. */
export async function checkShared(db: SqlDatabase, onPiece: () => void): Promise<Damage[]> {
  onPiece();
  const hash = await leafHash();
  const hasDoomed = (await db.query(db.dialect.hasTable('backy2_doomed'))).length > 0;
  const dangling: Damage[] = [];
  for (const find of [danglingLeaves, lostVersions, lostMaps]) {
    dangling.push(...(await db.read(find)));
    onPiece();
  }
  return [...dangling, ...(await db.read(() => namedDoomed(db, hash, hasDoomed)))];
}

function* danglingLeaves(): Steps<Damage[]> {
  const leaves = yield* rowsOf<{ id: number }>(
    sql`SELECT id FROM backy2_leaves WHERE NOT EXISTS (SELECT 1 FROM backy2_map_leaves WHERE leaf = backy2_leaves.id)
      ORDER BY id LIMIT ${MOST}`,
  );
  return leaves.map(({ id }) => ({ problem: 'dangling', detail: `no version uses leaf ${id}` }));
}

/** Maps of whole versions that have no row. One without a digest is of an import, which may run. */
function* lostVersions(): Steps<Damage[]> {
  const maps = yield* rowsOf<{ id: number; versionUid: string }>(
    sql`SELECT id, version_uid AS "versionUid" FROM backy2_maps
      WHERE digest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM versions WHERE uid = version_uid) ORDER BY id LIMIT ${MOST}`,
  );
  return maps.map(({ id, versionUid }) => ({
    problem: 'dangling',
    detail: `map ${id} is of version ${versionUid}, which has no row in table versions`,
  }));
}

/** Leaves of maps that have no row. */
function* lostMaps(): Steps<Damage[]> {
  const maps = yield* rowsOf<{ map: number; leaves: number }>(
    sql`SELECT map, count(*) AS leaves FROM backy2_map_leaves
      WHERE NOT EXISTS (SELECT 1 FROM backy2_maps WHERE id = map) GROUP BY map ORDER BY map LIMIT ${MOST}`,
  );
  return maps.map(({ map, leaves }) => ({
    problem: 'dangling',
    detail: `${leaves} leaves are of map ${map}, which has no row in table backy2_maps`,
  }));
}

/** Valid blobs that a cleanup deletes, and blocks that name them. */
function* namedDoomed(db: SqlDatabase, hash: LeafHash, hasDoomed: boolean): Steps<Damage[]> {
  // Not a join: without statistics, SQLite would read all blobs.
  const doomed = hasDoomed ? yield* rowsOf<{ uid: string }>(sql`SELECT uid FROM backy2_doomed LIMIT ${MOST_DOOMED}`) : [];
  const ofDoomed = yield* blobsByUid(
    db,
    doomed.map(({ uid }) => uid),
    sql`AND valid = 1`,
  );
  const unused = yield* rowsOf<{ id: number; uid: string }>(
    sql`SELECT backy2_blobs.id AS id, uid FROM backy2_candidates JOIN backy2_blobs ON backy2_blobs.id = blob
      WHERE scanned = ${UNUSED} AND valid = 1 LIMIT ${MOST_DOOMED}`,
  );
  const uids = new Map([...ofDoomed, ...unused].map(({ id, uid }) => [id, uid]));
  const holders = yield* holdersOf(db, hash, new Set(uids.keys()));
  const places = new Map(holders.map((holder) => [holder.leaf, holder.places]));
  const damage: Damage[] = [];
  for (const { leaf, versionUid, idx } of yield* usesOf(db, [...places.keys()]))
    for (const { offset, blob } of places.get(leaf) ?? []) {
      if (damage.length === MOST) return damage;
      const range = { first: idx * LEAF_BLOCKS + offset, count: 1 };
      damage.push({ versionUid, range, problem: 'doomed', detail: `a cleanup is about to delete its blob ${uids.get(blob)}` });
    }
  return damage;
}
