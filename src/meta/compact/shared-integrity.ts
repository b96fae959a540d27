import { BackyError } from '../../errors.ts';
import type { Damage } from '../integrity-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import { hasUid, UNUSED } from './blobs.ts';
import { LEAF_BLOCKS } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { holdersOf, usesOf } from './scan.ts';

/** Findings of each kind that are listed. */
const MOST = 1_000;
/** Blobs that are looked for: 100 MB. */
const MOST_DOOMED = 1_000_000;

/** Valid blobs that a search has found unused. */
const OF_UNUSED = sql`SELECT backy2_blobs.id AS id, backy2_blobs.uid AS uid FROM backy2_candidates
  JOIN backy2_blobs ON backy2_blobs.id = blob WHERE scanned = ${UNUSED} AND valid = 1`;
/** The same, and those that are doomed. */
const OF_DOOMED = sql`SELECT backy2_blobs.id AS id, backy2_blobs.uid AS uid FROM backy2_doomed
  JOIN backy2_blobs ON ${hasUid(sql`backy2_doomed.uid`)} WHERE valid = 1 UNION ${OF_UNUSED}`;

/** See IntegrityStore.checkShared. Reads all leaves if there are doomed or unused blobs. */
export async function checkShared(db: SqlDatabase, onPiece: () => void): Promise<Damage[]> {
  onPiece();
  const hash = await leafHash();
  const hasDoomed = (await db.query(db.dialect.hasTable('backy2_doomed'))).length > 0;
  const dangling = await db.read(danglingLeaves);
  onPiece();
  try {
    return [...dangling, ...(await db.read(() => namedDoomed(db, hash, hasDoomed ? OF_DOOMED : OF_UNUSED)))];
  } catch (error) {
    // A damaged leaf. The check of a version that has it says more.
    if (error instanceof BackyError && error.code === 'database') return dangling;
    throw error;
  }
}

function* danglingLeaves(): Steps<Damage[]> {
  const leaves = yield* rowsOf<{ id: number }>(
    sql`SELECT id FROM backy2_leaves WHERE NOT EXISTS (SELECT 1 FROM backy2_map_leaves WHERE leaf = backy2_leaves.id)
      ORDER BY id LIMIT ${MOST}`,
  );
  return leaves.map(({ id }) => ({ problem: 'dangling', detail: `no version uses leaf ${id}` }));
}

/** Valid blobs that a cleanup deletes, and blocks that name them. */
function* namedDoomed(db: SqlDatabase, hash: LeafHash, candidates: Sql): Steps<Damage[]> {
  const doomed = yield* rowsOf<{ id: number; uid: string }>(sql`${candidates} LIMIT ${MOST_DOOMED}`);
  const uids = new Map(doomed.map(({ id, uid }) => [id, uid]));
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
