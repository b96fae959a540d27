import type { GoodBlob, Healing } from '../../model/blob.ts';
import { LEAF_BLOCKS } from '../../model/catalogue-leaf.ts';
import { ChangedLeaves } from '../sql/catalogue-marks.ts';
import { NOTHING_HEALED } from '../sql/good-blobs.ts';
import { literal, sql } from '../sql/statement.ts';
import type { PostgresConnection } from './connection.ts';
import { POSTGRES, SERVER_SECONDS } from './dialect.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/** See HealStore.heal. */
export function heal(connection: PostgresConnection, blobs: readonly GoodBlob[]): Promise<Healing> {
  return connection.write((session) => healRows(session, blobs), { exclusion: 'naming' });
}

/**
 * The same within the caller's transaction, which MUST exclude those that judge blobs (`naming`).
 * One look into the index on checksums for each blob. Of two that heal the same row, the second one
 * finds it good.
 */
export async function healRows(session: Session, blobs: readonly GoodBlob[]): Promise<Healing> {
  if (blobs.length === 0) return NOTHING_HEALED;
  const checksums = arrayOf(blobs.map((blob) => blob.checksum));
  const rows = await session.query<{ version: string; leaf: number; blocks: number }>(
    sql`WITH blob AS MATERIALIZED (
       SELECT * FROM unnest(
         ${arrayOf(blobs.map((blob) => blob.uid))}::text[],
         ${checksums}::text[],
         ${arrayOf(blobs.map((blob) => blob.size))}::bigint[],
         ${arrayOf(blobs.map((blob) => blob.encVersion))}::int[],
         ${arrayOf(blobs.map((blob) => blob.envKey))}::text[],
         ${arrayOf(blobs.map((blob) => blob.nonce))}::text[],
         ${arrayOf(blobs.map((blob) => blob.replaces ?? null))}::text[]
       ) AS r(uid, checksum, size, enc_version, enc_envkey, enc_nonce, replaces)),
     old AS MATERIALIZED (
       SELECT bad.version_uid, bad.id, bad.uid AS old_uid, bad.size AS old_size, blob.uid, enc_version, enc_envkey, enc_nonce
       FROM blob CROSS JOIN LATERAL (
         SELECT version_uid, id, uid, size FROM blocks
         WHERE checksum = blob.checksum AND size = blob.size AND uid <> '' AND uid <> blob.uid AND (valid = 0 OR uid = blob.replaces)
         FOR UPDATE) AS bad),
     healed AS (
       UPDATE blocks SET uid = old.uid, enc_version = old.enc_version, enc_envkey = old.enc_envkey, enc_nonce = old.enc_nonce, valid = 1
       FROM old WHERE blocks.version_uid = old.version_uid AND blocks.id = old.id RETURNING blocks.version_uid, blocks.id),
     candidates AS (
       INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
       SELECT old_uid, max(old_size), 0, ${SERVER_SECONDS} FROM old GROUP BY old_uid)
     SELECT version_uid AS version, id / ${literal(LEAF_BLOCKS)} AS leaf, count(*) AS blocks FROM healed GROUP BY 1, 2`,
  );
  const changed = new ChangedLeaves();
  for (const { version, leaf } of rows) changed.addLeaf(version, leaf);
  if (rows.length > 0) await session.run(sql`DELETE FROM backy2_bad WHERE checksum = ANY(${checksums}::text[])`);
  await session.play(changed.note({ dialect: POSTGRES }));
  return { blocks: rows.reduce((sum, row) => sum + row.blocks, 0), versions: [...new Set(rows.map((row) => row.version))] };
}

/** Those of `blobs` whose content is known to be bad somewhere. */
export async function knownBad(session: Session, blobs: readonly GoodBlob[]): Promise<GoodBlob[]> {
  if (blobs.length === 0) return [];
  const checksums = arrayOf(blobs.map((blob) => blob.checksum));
  const rows = await session.query<{ checksum: string }>(
    sql`SELECT checksum FROM backy2_bad WHERE checksum = ANY(${checksums}::text[])`,
  );
  const bad = new Set(rows.map((row) => row.checksum));
  return blobs.filter(({ checksum }) => bad.has(checksum));
}
