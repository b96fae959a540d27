import type { GoodBlob, Healing } from '../../model/blob.ts';
import type { BlockRow } from '../../model/block.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from '../sql/rows.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';
import { SERVER_SECONDS } from './server-clock.ts';
import type { Session } from './session.ts';
import { lockVersion } from './versions.ts';

/** Ids that are looked through with one statement. */
const WINDOW_IDS = 25_000;

/**
 * See HealStore.heal, within the caller's transaction, which MUST exclude who judges blobs (`naming`). One look into the index on checksums for
 * each blob; of two that heal the same row, the second one finds it good.
 */
export async function healRows(session: Session, blobs: readonly GoodBlob[]): Promise<Healing> {
  if (blobs.length === 0) return { blocks: 0, versions: [] };
  const rows = await session.query<{ version: string; blocks: number }>(
    `WITH blob AS MATERIALIZED (
       SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[])
         AS r(uid, checksum, size, enc_version, enc_envkey, enc_nonce, replaces)),
     old AS MATERIALIZED (
       SELECT bad.version_uid, bad.id, bad.uid AS old_uid, bad.size AS old_size, blob.uid, enc_version, enc_envkey, enc_nonce
       FROM blob CROSS JOIN LATERAL (
         SELECT version_uid, id, uid, size FROM blocks
         WHERE checksum = blob.checksum AND size = blob.size AND uid <> '' AND uid <> blob.uid AND (valid = 0 OR uid = blob.replaces)
         FOR UPDATE) AS bad),
     healed AS (
       UPDATE blocks SET uid = old.uid, enc_version = old.enc_version, enc_envkey = old.enc_envkey, enc_nonce = old.enc_nonce, valid = 1
       FROM old WHERE blocks.version_uid = old.version_uid AND blocks.id = old.id RETURNING blocks.version_uid),
     candidates AS (
       INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
       SELECT old_uid, max(old_size), 0, ${SERVER_SECONDS} FROM old GROUP BY old_uid)
     SELECT version_uid AS version, count(*) AS blocks FROM healed GROUP BY version_uid`,
    [
      arrayOf(blobs.map((blob) => blob.uid)),
      arrayOf(blobs.map((blob) => blob.checksum)),
      arrayOf(blobs.map((blob) => blob.size)),
      arrayOf(blobs.map((blob) => blob.encVersion)),
      arrayOf(blobs.map((blob) => blob.envKey)),
      arrayOf(blobs.map((blob) => blob.nonce)),
      arrayOf(blobs.map((blob) => blob.replaces ?? null)),
    ],
  );
  if (rows.length > 0)
    await session.run('DELETE FROM backy2_bad WHERE checksum = ANY($1::text[])', [arrayOf(blobs.map((blob) => blob.checksum))]);
  return { blocks: rows.reduce((sum, row) => sum + row.blocks, 0), versions: rows.map((row) => row.version) };
}

/** Those of `blobs` whose content is known to be bad somewhere. */
export async function knownBad(session: Session, blobs: readonly GoodBlob[]): Promise<GoodBlob[]> {
  if (blobs.length === 0) return [];
  const rows = await session.query<{ checksum: string }>('SELECT checksum FROM backy2_bad WHERE checksum = ANY($1::text[])', [
    arrayOf(blobs.map((blob) => blob.checksum)),
  ]);
  const bad = new Set(rows.map((row) => row.checksum));
  return blobs.filter(({ checksum }) => bad.has(checksum));
}

/** See HealStore.validateWhole. The version's row is locked first: see {@link lockVersion}. */
export async function validateWhole(connection: PostgresConnection, versionUids: readonly string[]): Promise<string[]> {
  const validated: string[] = [];
  for (const uid of versionUids) {
    const changes = await connection.write(async (session) => {
      await lockVersion(session, uid);
      return session.run(
        `UPDATE versions SET valid = 1 WHERE uid = $1 AND valid = 0
           AND NOT EXISTS (SELECT 1 FROM backy2_progress WHERE version_uid = $1)
           AND NOT EXISTS (SELECT 1 FROM backy2_migrations WHERE version_uid = $1)
           AND size = (SELECT count(*) FROM blocks WHERE version_uid = $1)
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE version_uid = $1 AND (valid = 0 OR id < 0 OR id >= versions.size))`,
        [uid],
      );
    });
    if (changes > 0) validated.push(uid);
  }
  return validated;
}

/** See HealStore.badBlockPage. */
export async function badBlockPage(
  connection: PostgresConnection,
  { versionUid, afterId, limit }: { versionUid: string; afterId: number; limit: number },
): Promise<BlockRow[]> {
  const { end } = await connection.queryOne<{ end: number | null }>('SELECT max(id) AS end FROM blocks WHERE version_uid = $1', [
    versionUid,
  ]);
  for (let after = afterId; after < (end ?? -1); after += WINDOW_IDS) {
    const rows = await connection.query<BlockRecord>(
      `SELECT ${BLOCK_COLUMNS} FROM blocks
       WHERE version_uid = $1 AND id > $2 AND id <= $3 AND valid = 0 AND uid <> '' ORDER BY id LIMIT $4`,
      [versionUid, after, after + WINDOW_IDS, limit],
    );
    if (rows.length > 0) return rows.map(toBlockRow);
  }
  return [];
}
