import type { BlobCheck } from '../verification-store.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * Forgets that blobs are known only from imports, once they were found to hold what all rows with
 * that blob and checksum say; within the caller's transaction. One look into an empty table where
 * nothing was imported.
 */
export function trustImported(connection: SqliteConnection, checks: readonly BlobCheck[]): void {
  if (connection.prepare('SELECT 1 FROM backy2_imported LIMIT 1').get() === undefined) return;
  const trust = connection.prepare(
    `DELETE FROM backy2_imported WHERE uid = @uid AND checksum = @checksum AND NOT EXISTS (
       SELECT 1 FROM blocks WHERE uid = @uid AND checksum = @checksum
         AND (size IS NOT @size OR enc_version IS NOT @encVersion OR enc_envkey IS NOT @envKey OR enc_nonce IS NOT @nonce))`,
  );
  for (const { uid, good, content } of checks) {
    if (!good || content === undefined) continue;
    const { checksum, size, encVersion, envKey, nonce } = content;
    trust.run({ uid, checksum, size, encVersion, envKey, nonce });
  }
}
