import type { BlobCheck } from '../verification-store.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/** As in SQLite (`../sqlite/imported.ts`), in the order of uids. */
export async function trustImported(session: Session, checks: readonly BlobCheck[]): Promise<void> {
  const good = checks.flatMap(({ uid, good, content }) => (good && content !== undefined ? [{ uid, ...content }] : []));
  if (good.length === 0 || (await session.query('SELECT 1 AS one FROM backy2_imported LIMIT 1')).length === 0) return;
  await session.run(
    `WITH good AS MATERIALIZED (
       SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[])
         AS r(uid, checksum, size, enc_version, enc_envkey, enc_nonce)),
     trusted AS MATERIALIZED (
       SELECT known.uid, known.checksum FROM backy2_imported AS known JOIN good USING (uid, checksum)
       WHERE NOT EXISTS (
         SELECT 1 FROM blocks WHERE blocks.uid = good.uid AND blocks.checksum = good.checksum
           AND (blocks.size, blocks.enc_version, blocks.enc_envkey, blocks.enc_nonce)
             IS DISTINCT FROM (good.size, good.enc_version, good.enc_envkey, good.enc_nonce))
       ORDER BY known.uid, known.checksum FOR UPDATE OF known)
     DELETE FROM backy2_imported WHERE (uid, checksum) IN (SELECT uid, checksum FROM trusted)`,
    [
      arrayOf(good.map((row) => row.uid)),
      arrayOf(good.map((row) => row.checksum)),
      arrayOf(good.map((row) => row.size)),
      arrayOf(good.map((row) => row.encVersion)),
      arrayOf(good.map((row) => row.envKey)),
      arrayOf(good.map((row) => row.nonce)),
    ],
  );
}
