import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BackyError } from '../../errors.ts';
import type { OnSearched, WaitingBlobs } from '../cleanup-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { BlobSet, MOST_IDS } from './blob-set.ts';
import { addCandidates, hasUid, lastBlob } from './blobs.ts';
import { dropUsedCandidates, redateFutureCandidates } from './candidates.ts';
import { damaged } from './damage.ts';
import { isNamed } from './doomed.ts';
import { leafHash } from './leaf-sum.ts';
import { searchLeaves } from './search.ts';
import { removeUnfinishedMaps } from './unfinished-maps.ts';

/** Rows that one statement looks at. */
const PIECE = 10_000;

/** See CleanupStore.unnamed. Blobs that no search has found unused count as named. */
export async function unnamed(db: SqlDatabase, uids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ uid: string }>(sql`SELECT uid FROM ${db.dialect.uids(uids)} WHERE ${isNamed(sql`wanted.uid`)}`);
  const named = new Set(rows.map(({ uid }) => uid));
  return uids.filter((uid) => !named.has(uid));
}

/** See CleanupStore.candidatesAmong. */
export async function candidatesAmong(db: SqlDatabase, uids: readonly string[]): Promise<string[]> {
  await db.makeSideTables();
  const rows = await db.query<{ uid: string }>(
    sql`SELECT uid FROM ${db.dialect.uids(uids)}
      WHERE EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = wanted.uid)
        OR EXISTS (SELECT 1 FROM backy2_blobs JOIN backy2_candidates ON blob = backy2_blobs.id WHERE ${hasUid(sql`wanted.uid`)})`,
  );
  const found = new Set(rows.map(({ uid }) => uid));
  return uids.filter((uid) => found.has(uid));
}

/** See CleanupStore.waitingBlobs. */
export async function waitingBlobs(db: SqlDatabase, minAgeSeconds: number, prefix: string): Promise<WaitingBlobs> {
  await db.makeSideTables();
  const { now } = await db.queryOne<{ now: number }>(sql`SELECT ${db.dialect.nowSeconds()} AS now`);
  const waits = sql`time > CAST(${now - minAgeSeconds} AS BIGINT) AND substr(uid, 1, ${prefix.length}) = ${prefix} AND uid <> ''
    AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = piece.uid)`;
  let blobs = 0;
  let latest = now - minAgeSeconds;
  for (let after = 0; ; await nextTurn()) {
    const piece = await db.queryOne<{ last: number | null; blobs: number; latest: number | null }>(
      sql`SELECT max(blob) AS last, count(*) FILTER (WHERE ${waits}) AS blobs, max(time) FILTER (WHERE ${waits}) AS latest
        FROM (SELECT blob, time, (SELECT uid FROM backy2_blobs WHERE id = blob) AS uid
          FROM backy2_candidates WHERE blob > ${after} ORDER BY blob LIMIT ${PIECE}) AS piece`,
    );
    if (piece.last === null) return { blobs, seconds: latest + minAgeSeconds - now };
    blobs += piece.blobs;
    latest = Math.max(latest, piece.latest ?? latest);
    after = piece.last;
  }
}

/**
 * See CleanupStore.prepareFullCleanup. Removes maps of killed imports, and makes all blobs that no
 * leaf names candidates. Then it looks for candidates once more, those from the future too: a
 * backup may run despite the locks.
 */
export async function prepareFullCleanup(db: SqlDatabase, onSearched: OnSearched): Promise<void> {
  await removeUnfinishedMaps(db, await leafHash());
  const last = await lastBlob(db);
  let highest = 0;
  for (let first = 1; first <= last; first += MOST_IDS) {
    const end = Math.min(last, first + MOST_IDS - 1);
    const seen = new BlobSet();
    await searchLeaves(db, onSearched, (leaf) => {
      for (let i = 0; i < leaf.length; i++) {
        const blob = leaf[i] as number;
        if (blob >= first && blob <= end) seen.add(blob);
        if (blob > highest) highest = blob;
      }
    });
    await addUnseen(db, { first, end, seen });
  }
  if (highest > (await lastBlob(db))) throw withoutRow(db, highest);
  await redateFutureCandidates(db);
  await dropUsedCandidates(db, 0, onSearched);
}

function withoutRow(db: SqlDatabase, blob: number): BackyError {
  return damaged(db, `a leaf names blob ${blob}, which has no row in table backy2_blobs`);
}

/** Rejects if a blob that was seen has no row: its bytes would count as unused. Empties `seen`. */
async function addUnseen(db: SqlDatabase, { first, end, seen }: { first: number; end: number; seen: BlobSet }): Promise<void> {
  for (let after = first - 1; ; await nextTurn()) {
    const piece = await db.query<{ id: number; known: number }>(
      sql`SELECT id, CASE WHEN EXISTS (SELECT 1 FROM backy2_candidates WHERE blob = id) THEN 1 ELSE 0 END AS known
        FROM backy2_blobs WHERE id > ${after} AND id <= ${end} ORDER BY id LIMIT ${PIECE}`,
    );
    const last = piece.at(-1);
    if (last === undefined) break;
    const unseen = piece.filter(({ id, known }) => known === 0 && !seen.has(id)).map(({ id }) => id);
    if (unseen.length > 0) await db.transaction(() => addCandidates(db, unseen), 'judging');
    for (const { id } of piece) seen.delete(id);
    after = last.id;
  }
  const lost = seen.lowest();
  if (lost !== undefined) throw withoutRow(db, lost);
}
