import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SealedBlock } from '../../model/blob.ts';
import type { Version } from '../../model/version.ts';
import type { SqlDatabase } from './database.ts';
import { sql } from './statement.ts';

/** Ids that one statement looks through: SQLite blocks the thread for a tenth of a second. */
const WINDOW_IDS = 25_000;
/**
 * A sample looks at the newest versions, and at some rows from the start and the middle of each.
 */
const SAMPLE_VERSIONS = 64;
const VERSIONS_AT_A_TIME = 8;
const SAMPLE_ROWS = 256;
/** Rows in the order of checksums, which is a random one: older encrypted versions show here. */
const SAMPLE_CHECKSUMS = 4_096;

const IS_SEALED = sql`enc_version <> 0 AND uid <> '' AND enc_envkey <> ''`;
const SEALED = sql`SELECT DISTINCT enc_version AS "encVersion", enc_envkey AS "envKey"`;

/**
 * See EncryptionStore.sealedBlocks. No index knows of encryption: this reads rows until it has
 * enough.
 */
export async function sealedBlocks(db: SqlDatabase, version: Version, limit: number): Promise<SealedBlock[]> {
  for (let first = 0; first < version.size; first += WINDOW_IDS) {
    const found = await db.query<SealedBlock>(
      sql`${SEALED} FROM blocks
        WHERE version_uid = ${version.uid} AND id >= ${first} AND id < ${first + WINDOW_IDS} AND ${IS_SEALED} LIMIT ${limit}`,
    );
    if (found.length > 0) return found;
    await nextTurn();
  }
  return [];
}

/** See EncryptionStore.sampleSealedBlocks. */
export async function sampleSealedBlocks(db: SqlDatabase, limit: number): Promise<SealedBlock[]> {
  const versions = await db.query<{ uid: string; size: number }>(
    sql`SELECT uid, size FROM versions ORDER BY date DESC LIMIT ${SAMPLE_VERSIONS}`,
  );
  const places = versions.flatMap(({ uid, size }) => [0, Math.floor(size / 2)].map((first) => [uid, first]));
  for (let i = 0; i < places.length; i += 2 * VERSIONS_AT_A_TIME) {
    const found = await db.queryEach<SealedBlock>(
      places.slice(i, i + 2 * VERSIONS_AT_A_TIME),
      (uid, first) => sql`${SEALED} FROM
        (SELECT uid, enc_version, enc_envkey FROM blocks WHERE version_uid = ${uid} AND id >= ${first}
         ORDER BY id LIMIT ${SAMPLE_ROWS}) AS part
        WHERE ${IS_SEALED} LIMIT ${limit}`,
    );
    if (found.length > 0) return different(found).slice(0, limit);
  }
  return db.query<SealedBlock>(
    sql`${SEALED} FROM
      (SELECT uid, enc_version, enc_envkey FROM blocks WHERE checksum > '' ORDER BY checksum LIMIT ${SAMPLE_CHECKSUMS}) AS part
      WHERE ${IS_SEALED} LIMIT ${limit}`,
  );
}

function different(blocks: readonly SealedBlock[]): SealedBlock[] {
  return [...new Map(blocks.map((block) => [`${block.encVersion}:${block.envKey}`, block])).values()];
}
