import { groupBy } from '../../model/group-by.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import { BlobSet } from './blob-set.ts';
import type { LeafHash } from './leaf-sum.ts';
import { scanPage } from './scan.ts';

/** Candidates that one statement lists. */
const PAGE_CANDIDATES = 10_000;

/**
 * Rows of blobs that no leaf names: of those that are candidates, since no other can be unused.
 * Reads all leaves if there is any candidate.
 */
function* unusedBlobs(db: SqlDatabase, hash: LeafHash): Steps<BlobSet> {
  const unused = yield* candidates();
  if (unused.lowest() === undefined) return unused;
  for (let after = 0; ; ) {
    const page = yield* scanPage(db, hash, after);
    for (const { leaf } of page) for (let i = 0; i < leaf.length; i++) unused.delete(leaf[i] as number);
    const end = page.at(-1);
    if (end === undefined) return unused;
    after = end.id;
  }
}

/** In pages: one removed version can leave tens of millions. */
function* candidates(): Steps<BlobSet> {
  const found = new BlobSet();
  for (let after = 0; ; ) {
    const rows: { blob: number }[] = yield* rowsOf<{ blob: number }>(
      sql`SELECT blob FROM backy2_candidates WHERE blob > ${after} ORDER BY blob LIMIT ${PAGE_CANDIDATES}`,
    );
    for (const { blob } of rows) found.add(blob);
    const end = rows.at(-1);
    if (end === undefined) return found;
    after = end.blob;
  }
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

/** Rows of blobs that do not count as a blob of their own. */
export interface Uncounted {
  unused: BlobSet;
  /** All but one of those with the same uid: few. */
  doubles: BlobSet;
}

/** Finds them. Reads all leaves if there is any candidate. */
export function* uncounted(db: SqlDatabase, hash: LeafHash): Steps<Uncounted> {
  const unused = yield* unusedBlobs(db, hash);
  const doubles = new BlobSet();
  const counted = new Set<number>();
  for (const [id, lowest] of yield* twins(db)) {
    if (unused.has(id)) continue;
    if (counted.has(lowest)) doubles.add(id);
    counted.add(lowest);
  }
  return { unused, doubles };
}
