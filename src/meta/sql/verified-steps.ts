import type { StoredBlob } from '../../model/blob.ts';
import type { BlockRow } from '../../model/block.ts';
import type { BlobCheck, CheckCursor } from '../verification-store.ts';
import type { SqlDatabase } from './database.ts';
import { type Sql, sql } from './statement.ts';
import { rowsOf, run, type Steps } from './steps.ts';

/**
 * Notes checks. In the order of uids: two programs at once wait for each other without a deadlock.
 */
export function* noteChecks({ dialect }: SqlDatabase, checks: readonly BlobCheck[], time: number): Steps<void> {
  for (const good of [true, false]) {
    const uids = checks.filter((check) => check.good === good).map(({ uid }) => uid);
    uids.sort();
    if (uids.length === 0) continue;
    // WHERE tells SQLite that ON begins no join.
    yield* run(
      sql`INSERT INTO backy2_verified (uid, time, good)
        SELECT uid, CAST(${time} AS BIGINT), CAST(${good ? 1 : 0} AS INTEGER) FROM ${dialect.uids(uids)}
        WHERE 1 = 1 ON CONFLICT (uid) DO UPDATE SET time = excluded.time, good = excluded.good`,
    );
  }
}

/** Forgets when blobs were verified that no row names any more. */
export function* forgetChecks({ dialect }: SqlDatabase, uids: readonly string[]): Steps<void> {
  yield* run(sql`DELETE FROM backy2_verified WHERE ${dialect.among(sql`uid`, uids)}`);
}

/**
 * Imported blobs become ordinary ones once they were found to hold what all rows with that blob and
 * checksum say. One lookup in an empty table where nothing was imported.
 */
export function* trustImported({ dialect }: SqlDatabase, checks: readonly BlobCheck[]): Steps<void> {
  const good = checks.flatMap(({ uid, good, content }) => (good && content !== undefined ? [{ uid, ...content }] : []));
  if (good.length === 0 || (yield* rowsOf(sql`SELECT 1 AS one FROM backy2_imported LIMIT 1`)).length === 0) return;
  yield* run(
    sql`DELETE FROM backy2_imported WHERE (uid, checksum) IN (
      SELECT uid, checksum FROM (
        SELECT value ->> 'uid' AS uid, value ->> 'checksum' AS checksum, CAST(value ->> 'size' AS BIGINT) AS size,
          CAST(value ->> 'encVersion' AS INTEGER) AS enc_version, value ->> 'envKey' AS enc_envkey, value ->> 'nonce' AS enc_nonce
        FROM ${dialect.jsonRows(good)}) AS good
      WHERE NOT EXISTS (
        SELECT 1 FROM blocks WHERE blocks.uid = good.uid AND blocks.checksum = good.checksum
          AND (blocks.size, blocks.enc_version, blocks.enc_envkey, blocks.enc_nonce)
            IS DISTINCT FROM (good.size, good.enc_version, good.enc_envkey, good.enc_nonce)))`,
  );
}

/**
 * The answer of longestUnchecked: the blobs of checks, in their order. Forgets checks of blobs that
 * no row names any more: those without a blob in `byUid`.
 */
export async function blobsToCheck(
  db: SqlDatabase,
  checks: readonly CheckCursor[],
  byUid: ReadonlyMap<string, BlockRow>,
): Promise<{ blobs: StoredBlob[]; cursor: CheckCursor | undefined }> {
  const gone = checks.map(({ uid }) => uid).filter((uid) => !byUid.has(uid));
  if (gone.length > 0) await db.transaction(() => forgetChecks(db, gone));
  const blobs = checks.flatMap(({ uid }) => {
    const row = byUid.get(uid);
    if (row === undefined) return [];
    const { id: _, ...blob } = row;
    return [{ ...blob, uid }];
  });
  return { blobs, cursor: checks.at(-1) };
}

/** Checks after the cursor and before a time, oldest first. */
export function oldestChecks(after: CheckCursor | undefined, before: number, limit: number): Sql {
  return sql`SELECT time, uid FROM backy2_verified
    WHERE (time, uid) > (CAST(${after?.time ?? -1} AS BIGINT), CAST(${after?.uid ?? ''} AS VARCHAR(32))) AND time < ${before}
    ORDER BY time, uid LIMIT ${limit}`;
}
