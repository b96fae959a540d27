import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OnSearched } from '../cleanup-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { damaged } from './damage.ts';
import type { Leaf } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { scanPage } from './scan.ts';

/** References that one statement looks at. */
const PIECE = 10_000;

/**
 * Reads all leaves upwards, until there are no more. Others may write meanwhile: no long snapshot
 * lets the WAL grow. A blob that leaves name all the time is seen nonetheless, since a copy of a
 * leaf has a higher id, and exists before the leaf is removed.
 * @throws BackyError `database` when a leaf is missing or damaged: its blobs would count as unused.
 */
export async function searchLeaves(db: SqlDatabase, onSearched: OnSearched, visit: (leaf: Leaf) => void): Promise<void> {
  const hash = await leafHash();
  await refuseMissingLeaves(db);
  const { total } = await db.queryOne<{ total: number }>(sql`SELECT count(*) AS total FROM backy2_leaves`);
  let done = 0;
  for (let after = 0; ; await nextTurn()) {
    const start = after;
    const page = await db.read(() => scanPage(db, hash, start));
    const end = page.at(-1);
    if (end === undefined) return;
    for (const { leaf } of page) visit(leaf);
    done += page.length;
    onSearched(Math.min(done, total), total);
    after = end.id;
  }
}

/** PostgreSQL refuses such references itself. A damaged or edited SQLite file may have some. */
async function refuseMissingLeaves(db: SqlDatabase): Promise<void> {
  for (let after = { map: 0, idx: 0 }; ; await nextTurn()) {
    const { map, idx } = after;
    const piece = await db.query<{ map: number; idx: number; leaf: number; found: number }>(
      sql`SELECT map, idx, leaf, CASE WHEN EXISTS (SELECT 1 FROM backy2_leaves WHERE id = leaf) THEN 1 ELSE 0 END AS found
        FROM backy2_map_leaves WHERE map > ${map} OR (map = ${map} AND idx > ${idx}) ORDER BY map, idx LIMIT ${PIECE}`,
    );
    const missing = piece.find(({ found }) => found === 0);
    if (missing !== undefined) throw damaged(db, `leaf ${missing.leaf} of table backy2_leaves is missing`);
    const end = piece.at(-1);
    if (end === undefined) return;
    after = end;
  }
}
