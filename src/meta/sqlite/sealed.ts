import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SealedBlock } from '../../model/blob.ts';
import type { Version } from '../../model/version.ts';
import type { SqliteConnection } from './connection.ts';

/** Ids that are looked through with one statement: a tenth of a second. */
const WINDOW_IDS = 25_000;
/** The newest versions are looked at for a sample, so many of them and so many of their rows at each of two places. */
const SAMPLE_VERSIONS = 64;
const SAMPLE_ROWS = 256;
/** Rows in the order of checksums, which is a random one: older encrypted versions show here. */
const SAMPLE_CHECKSUMS = 4_096;

const SEALED = "enc_version <> 0 AND uid <> '' AND enc_envkey <> ''";
const COLUMNS = 'enc_version AS encVersion, enc_envkey AS envKey';

/** See EncryptionStore.sealedBlocks. No index knows of encryption: the rows are walked until there are enough. */
export async function sealedBlocks(connection: SqliteConnection, version: Version, limit: number): Promise<SealedBlock[]> {
  const sql = `SELECT DISTINCT ${COLUMNS} FROM blocks WHERE version_uid = ? AND id >= ? AND id < ? AND ${SEALED} LIMIT ?`;
  for (let first = 0; first < version.size; first += WINDOW_IDS) {
    const found = connection.prepare(sql).all(version.uid, first, first + WINDOW_IDS, limit) as SealedBlock[];
    if (found.length > 0) return found;
    await nextTurn();
  }
  return [];
}

const ROWS = `SELECT uid, enc_version, enc_envkey FROM blocks WHERE version_uid = ? AND id >= ? ORDER BY id LIMIT ${SAMPLE_ROWS}`;
const BY_CHECKSUM = `SELECT uid, enc_version, enc_envkey FROM blocks WHERE checksum > '' ORDER BY checksum LIMIT ${SAMPLE_CHECKSUMS}`;

/** See EncryptionStore.sampleSealedBlocks. */
export function sampleSealedBlocks(connection: SqliteConnection, limit: number): SealedBlock[] {
  const ofVersion = connection.prepare(`SELECT DISTINCT ${COLUMNS} FROM (${ROWS}) WHERE ${SEALED} LIMIT ?`);
  const versions = connection.prepare('SELECT uid, size FROM versions ORDER BY date DESC LIMIT ?').all(SAMPLE_VERSIONS);
  for (const { uid, size } of versions as { uid: string; size: number }[]) {
    for (const first of [0, Math.floor(size / 2)]) {
      const found = ofVersion.all(uid, first, limit) as SealedBlock[];
      if (found.length > 0) return found;
    }
  }
  return connection
    .prepare(`SELECT DISTINCT ${COLUMNS} FROM (${BY_CHECKSUM}) WHERE ${SEALED} LIMIT ?`)
    .all(limit) as SealedBlock[];
}
