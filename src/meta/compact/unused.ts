import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import { groupBy } from './group-by.ts';
import type { LeafHash } from './leaf-sum.ts';
import { scanPage } from './scan.ts';

/**
 * Rows of blobs that no leaf names: of those that are candidates, since no other can be unused.
 * Reads all leaves if there is any candidate.
 */
function* unusedBlobs(db: SqlDatabase, hash: LeafHash): Steps<Set<number>> {
  const rows = yield* rowsOf<{ blob: number }>(sql`SELECT blob FROM backy2_candidates`);
  const unused = new Set(rows.map(({ blob }) => blob));
  for (let after = 0; unused.size > 0; ) {
    const page = yield* scanPage(db, hash, after);
    for (const { leaf } of page) for (const block of leaf) unused.delete(block);
    const end = page.at(-1);
    if (end === undefined) break;
    after = end.id;
  }
  return unused;
}

/**
 * Rows of blobs that share their uid with others: for each, the lowest of their ids. Healing and
 * imports make them; there are few. One pass over the index of uids.
 */
export function* twins({ dialect }: SqlDatabase): Steps<Map<number, number>> {
  const starts = yield* rowsOf<{ start: string }>(
    sql`SELECT substr(uid, 1, 10) AS start FROM backy2_blobs WHERE substr(uid, 1, 10) > '' GROUP BY substr(uid, 1, 10) HAVING count(*) > 1`,
  );
  const rows = yield* dialect.each<{ id: number; uid: string }>(
    starts.map(({ start }) => [start]),
    (start) => sql`SELECT id, uid FROM backy2_blobs WHERE substr(uid, 1, 10) = ${start}`,
  );
  const lowest = new Map<number, number>();
  for (const group of groupBy(rows, ({ uid }) => uid).values()) {
    const first = Math.min(...group.map(({ id }) => id));
    if (group.length > 1) for (const { id } of group) lowest.set(id, first);
  }
  return lowest;
}

/**
 * Rows of blobs that do not count as a blob of their own: unused ones, and all but one of those
 * with the same uid.
 */
export function* uncounted(db: SqlDatabase, hash: LeafHash): Steps<{ unused: Set<number>; all: Set<number> }> {
  const unused = yield* unusedBlobs(db, hash);
  const all = new Set(unused);
  const counted = new Set<number>();
  for (const [id, lowest] of yield* twins(db)) {
    if (unused.has(id)) continue;
    if (counted.has(lowest)) all.add(id);
    counted.add(lowest);
  }
  return { unused, all };
}
