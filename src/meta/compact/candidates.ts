import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FutureTimes } from '../../model/reports.ts';
import type { OnSearched } from '../cleanup-store.ts';
import { redateFutureCandidates as redateIn } from '../sql/cleanup.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { secondsAgo } from '../sql/seconds-ago.ts';
import { bumpState, readState } from '../sql/state.ts';
import { sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run } from '../sql/steps.ts';
import { BlobSet, MOST_IDS } from './blob-set.ts';
import { UNUSED } from './blobs.ts';
import { searchLeaves } from './search.ts';

/** Candidates that one transaction looks at. */
const PIECE = 10_000;

/** See CleanupStore.redateFutureCandidates. */
export function redateFutureCandidates(db: SqlDatabase): Promise<FutureTimes> {
  return redateIn(db, sql`backy2_candidates`);
}

/** Candidates on the list of one search. */
interface SearchList {
  /** The number of the search, which marks them. */
  number: number;
  /** The range of their blobs. */
  first: number;
  last: number;
  /** Candidates from this time or earlier are old enough. */
  latest: number;
}

/**
 * See CleanupStore.dropUsedCandidates. Lists all candidates, looks for their blobs in all leaves,
 * and drops those that it has seen, whatever their age. Those that are old enough become unused:
 * commits refuse them from then on. A commit that uses a blob before that deletes its candidate.
 * Nothing is read unless one is old, or new since the last search.
 */
export async function dropUsedCandidates(
  db: SqlDatabase,
  minAgeSeconds: number,
  onSearched: OnSearched = () => {},
): Promise<number> {
  const latest = await secondsAgo(db, minAgeSeconds);
  const isOld = sql`time <= ${latest}`;
  const all = await db.queryOne<{ first: number | null; last: number | null; wanted: number }>(
    sql`SELECT min(blob) AS first, max(blob) AS last, count(*) FILTER (WHERE ${isOld} OR scanned = 0) AS wanted
      FROM backy2_candidates WHERE scanned <> ${UNUSED}`,
  );
  if (all.first !== null && all.last !== null && all.wanted > 0) {
    const number = await startSearch(db);
    for (let first = all.first; first <= all.last; first += MOST_IDS)
      await search(db, { number, first, last: Math.min(all.last, first + MOST_IDS - 1), latest }, onSearched);
  }
  const { left } = await db.queryOne<{ left: number }>(
    sql`SELECT count(*) AS "left" FROM backy2_candidates WHERE scanned = ${UNUSED} AND ${isOld}`,
  );
  return left;
}

function startSearch(db: SqlDatabase): Promise<number> {
  return db.transaction(function* () {
    yield* run(bumpState('searches'));
    return yield* readState('searches');
  });
}

async function search(db: SqlDatabase, list: SearchList, onSearched: OnSearched): Promise<void> {
  const unseen = await listCandidates(db, list);
  await searchLeaves(db, onSearched, (leaf) => {
    for (let i = 0; i < leaf.length; i++) unseen.delete(leaf[i] as number);
  });
  await judgeCandidates(db, list, unseen);
}

/**
 * Marks all candidates but unused ones. Those that are added later, also for the same blobs, have
 * no mark: their blobs may be in leaves that were read before.
 */
async function listCandidates(db: SqlDatabase, { number, first, last }: SearchList): Promise<BlobSet> {
  const listed = new BlobSet();
  for (let after = first - 1; ; await nextTurn()) {
    const start = after;
    const piece = await db.transaction(function* () {
      const { end } = yield* rowOf<{ end: number | null }>(
        sql`SELECT max(blob) AS "end" FROM (SELECT blob FROM backy2_candidates
          WHERE blob > ${start} AND blob <= ${last} AND scanned <> ${UNUSED} ORDER BY blob LIMIT ${PIECE}) AS piece`,
      );
      return yield* rowsOf<{ blob: number }>(
        sql`UPDATE backy2_candidates SET scanned = ${number}
          WHERE blob > ${start} AND blob <= ${end} AND scanned <> ${UNUSED} RETURNING blob`,
      );
    });
    if (piece.length === 0) return listed;
    for (const { blob } of piece) {
      listed.add(blob);
      after = Math.max(after, blob);
    }
  }
}

/** No transaction can name a blob while a piece of the list is judged. */
async function judgeCandidates(db: SqlDatabase, { number, first, last, latest }: SearchList, unseen: BlobSet): Promise<void> {
  for (let after: number | undefined = first - 1; after !== undefined; await nextTurn()) {
    const start: number = after;
    after = await db.transaction(function* () {
      const piece = yield* rowsOf<{ blob: number }>(
        sql`SELECT blob FROM backy2_candidates WHERE blob > ${start} AND blob <= ${last} AND scanned = ${number}
          ORDER BY blob LIMIT ${PIECE}`,
      );
      const end = piece.at(-1)?.blob;
      if (end === undefined) return undefined;
      const used = piece.map(({ blob }) => blob).filter((blob) => !unseen.has(blob));
      yield* run(sql`DELETE FROM backy2_candidates WHERE ${db.dialect.among(sql`blob`, used)}`);
      yield* run(
        sql`UPDATE backy2_candidates SET scanned = ${UNUSED}
          WHERE blob > ${start} AND blob <= ${end} AND scanned = ${number} AND time <= ${latest}`,
      );
      return end;
    }, 'judging');
  }
}
