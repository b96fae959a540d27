import type { SealedBlock } from '../../model/blob.ts';
import type { Version } from '../../model/version.ts';
import type { PostgresConnection } from './connection.ts';

/** As in `../sqlite/sealed.ts`: no index knows of encryption, so what is looked at is bounded. */
const WINDOW_IDS = 100_000;
const SAMPLE_VERSIONS = 64;
const SAMPLE_ROWS = 256;
const SAMPLE_CHECKSUMS = 4_096;

const SEALED = "enc_version <> 0 AND uid <> '' AND enc_envkey <> ''";
const COLUMNS = 'enc_version AS "encVersion", enc_envkey AS "envKey"';

/** See EncryptionStore.sealedBlocks. */
export async function sealedBlocks(connection: PostgresConnection, version: Version, limit: number): Promise<SealedBlock[]> {
  const sql = `SELECT ${COLUMNS} FROM blocks WHERE version_uid = $1 AND id >= $2 AND id < $3 AND ${SEALED}
    GROUP BY enc_version, enc_envkey ORDER BY min(id) LIMIT $4`;
  for (let first = 0; first < version.size; first += WINDOW_IDS) {
    const found = await connection.query<SealedBlock>(sql, [version.uid, first, first + WINDOW_IDS, limit]);
    if (found.length > 0) return found;
  }
  return [];
}

/** See EncryptionStore.sampleSealedBlocks. Two statements, since a round trip may take longer than all that they look at. */
export async function sampleSealedBlocks(connection: PostgresConnection, limit: number): Promise<SealedBlock[]> {
  const ofVersions = await connection.query<SealedBlock>(
    `SELECT ${COLUMNS}
     FROM (SELECT uid, size, date FROM versions ORDER BY date DESC LIMIT ${SAMPLE_VERSIONS}) AS version,
       LATERAL (VALUES (0), (version.size / 2)) AS part(first),
       LATERAL (SELECT uid, id, enc_version, enc_envkey FROM blocks
                WHERE version_uid = version.uid AND id >= part.first ORDER BY id LIMIT ${SAMPLE_ROWS}) AS block
     WHERE enc_version <> 0 AND block.uid <> '' AND enc_envkey <> ''
     GROUP BY enc_version, enc_envkey ORDER BY max(version.date) DESC, min(id) LIMIT $1`,
    [limit],
  );
  if (ofVersions.length > 0) return ofVersions;
  return connection.query<SealedBlock>(
    `SELECT DISTINCT ${COLUMNS} FROM
       (SELECT uid, enc_version, enc_envkey FROM blocks WHERE checksum > '' ORDER BY checksum LIMIT ${SAMPLE_CHECKSUMS}) AS sample
     WHERE ${SEALED} LIMIT $1`,
    [limit],
  );
}
