import type { StoredBlob } from '../../model/blob.ts';
import type { BlockRow } from '../../model/block.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, type Steps } from '../sql/steps.ts';
import { blobsToCheck, oldestChecks } from '../sql/verified-steps.ts';
import type { CheckCursor } from '../verification-store.ts';
import { type BlobRecord, blobColumns, blobsByUid, hasUid, IS_UNUSED } from './blobs.ts';
import { isSame } from './named-blobs.ts';
import { rowOfBlob } from './rows.ts';

/** See VerificationStore.longestUnchecked. Reads no leaf. */
export async function longestUnchecked(
  db: SqlDatabase,
  after: CheckCursor | undefined,
  before: number,
  limit: number,
): Promise<{ blobs: StoredBlob[]; cursor: CheckCursor | undefined }> {
  await db.makeSideTables();
  const { found, rows } = await db.read(function* () {
    const found = yield* rowsOf<CheckCursor>(oldestChecks(after, before, limit));
    const rows = yield* rowsToCheck(
      db,
      found.map(({ uid }) => uid),
    );
    return { found, rows };
  });
  const byUid = new Map<string, BlockRow>();
  for (const row of rows) if (row.uid !== null && !byUid.has(row.uid)) byUid.set(row.uid, rowOfBlob(0, row));
  return blobsToCheck(db, found, byUid);
}

/**
 * The rows of blobs that may be used, those that are no candidates first. Blobs that were replaced
 * have no checksum.
 */
function* rowsToCheck(db: SqlDatabase, uids: readonly string[]): Steps<BlobRecord[]> {
  const columns = blobColumns(db);
  const rows = yield* db.dialect.each<BlobRecord & { candidate: number }>(
    uids.map((uid) => [uid]),
    (uid) =>
      sql`SELECT ${columns}, CASE WHEN EXISTS (SELECT 1 FROM backy2_candidates WHERE blob = backy2_blobs.id) THEN 1 ELSE 0 END AS candidate
        FROM backy2_blobs WHERE ${hasUid(uid)} AND checksum IS NOT NULL AND NOT ${IS_UNUSED}`,
  );
  return rows.sort((a, b) => a.candidate - b.candidate);
}

/** See VerificationStore.isNamed. Blobs that no search has found unused count as named. */
export async function isNamed(db: SqlDatabase, uid: string, checksum: string | null): Promise<boolean> {
  const rows = await db.read(() => blobsByUid(db, [uid], sql`AND NOT ${IS_UNUSED}`));
  return rows.some((row) => isSame(row.checksum, checksum));
}
