import type { UnusedRequest } from '../cleanup-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { secondsAgo } from '../sql/seconds-ago.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { BlobSet, MOST_IDS } from './blob-set.ts';
import { blobsByUid, IS_UNUSED } from './blobs.ts';
import { searchLeaves } from './search.ts';

/** Candidates that one statement looks at. */
const PIECE = 10_000;

/**
 * Uids that only blobs have which no leaf names: candidates of at least this age, not doomed yet.
 * Reads all leaves, and changes nothing: nobody else MAY write meanwhile. 32 MiB of memory.
 */
export async function searchUnusedUids(db: SqlDatabase, request: Omit<UnusedRequest, 'isAlone'>): Promise<string[]> {
  const isOld = sql`time <= ${await secondsAgo(db, request.minAgeSeconds)}`;
  const { first, last } = await db.queryOne<{ first: number | null; last: number | null }>(
    sql`SELECT min(blob) AS first, max(blob) AS last FROM backy2_candidates WHERE ${isOld}`,
  );
  const uids = new Set<string>();
  if (first === null || last === null) return [];
  for (let start = first; start <= last && uids.size < request.limit; start += MOST_IDS) {
    const range = { first: start, last: Math.min(last, start + MOST_IDS - 1) };
    const unseen = new BlobSet();
    for await (const piece of candidates(db, isOld, range)) for (const { blob } of piece) unseen.add(blob);
    await searchLeaves(
      db,
      () => {},
      (leaf) => {
        for (let i = 0; i < leaf.length; i++) unseen.delete(leaf[i] as number);
      },
    );
    for await (const piece of candidates(db, isOld, range)) {
      const found = piece.flatMap(({ blob, uid }) => (unseen.has(blob) && uid?.startsWith(request.prefix) ? [uid] : []));
      for (const uid of await withoutUsed(db, found, unseen)) if (uids.size < request.limit) uids.add(uid);
      if (uids.size >= request.limit) break;
    }
  }
  return [...uids];
}

interface Candidate {
  blob: number;
  /** Undoomed; null: it has no bytes. */
  uid: string | null;
}

async function* candidates(
  db: SqlDatabase,
  isOld: Sql,
  { first, last }: { first: number; last: number },
): AsyncIterableIterator<Candidate[]> {
  for (let after = first - 1; ; ) {
    const piece: Candidate[] = await db.query<Candidate>(
      sql`SELECT blob, (SELECT nullif(uid, '') FROM backy2_blobs WHERE id = blob
          AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = backy2_blobs.uid)) AS uid
        FROM backy2_candidates WHERE blob > ${after} AND blob <= ${last} AND ${isOld} ORDER BY blob LIMIT ${PIECE}`,
    );
    const end = piece.at(-1);
    if (end === undefined) return;
    yield piece;
    after = end.blob;
  }
}

/** The bytes of a uid go only with the last blob that has it. */
async function withoutUsed(db: SqlDatabase, uids: readonly string[], unseen: BlobSet): Promise<string[]> {
  const rows = await db.read(() => blobsByUid(db, uids, sql`AND NOT ${IS_UNUSED}`));
  const used = new Set(rows.filter(({ id }) => !unseen.has(id)).map(({ uid }) => uid));
  return uids.filter((uid) => !used.has(uid));
}
