import { type DedupKey, dedupKey, type FoundBlob } from '../../model/blob.ts';
import type { BackupRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { BackupGroup, CommitOutcome } from '../backup-store.ts';
import { lengthOfBlock } from '../sql/block-conditions.ts';
import { goodBlobs, NOTHING_HEALED } from '../sql/good-blobs.ts';
import { sql } from '../sql/statement.ts';
import { countersUpsert } from '../sql/version-steps.ts';
import { BLOCKS_BY_CHECKSUM } from './blocks-by-checksum.ts';
import type { SqliteConnection } from './connection.ts';
import { healRows, knownBad, severalRows } from './heal.ts';

/** The columns of table blocks, in the order in which rows are inserted. */
export const INSERT_COLUMNS = 'uid, version_uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';

/** A blob as the driver gives it. */
type FoundRecord = Omit<FoundBlob, 'imported'> & { imported: number };

/** See BackupStore.findBlobs. */
export function findBlobs(connection: SqliteConnection, keys: readonly DedupKey[], encVersion: number): Map<string, FoundBlob> {
  const find = connection.prepare(
    `SELECT blocks.uid, blocks.enc_envkey AS envKey, blocks.enc_nonce AS nonce,
       EXISTS (SELECT 1 FROM backy2_imported AS i WHERE i.uid = blocks.uid AND i.checksum = blocks.checksum) AS imported
     FROM ${BLOCKS_BY_CHECKSUM} AND blocks.size = ? AND blocks.enc_version = ? AND blocks.valid = 1 AND blocks.uid <> ''
       AND blocks.uid NOT IN (SELECT uid FROM backy2_doomed) LIMIT 1`,
  );
  const found = new Map<string, FoundBlob>();
  connection.readTogether(() => {
    for (const key of keys) {
      const row = find.get(key.checksum, key.size, encVersion) as FoundRecord | undefined;
      if (row === undefined) continue;
      const { imported, ...blob } = row;
      found.set(dedupKey(key), imported === 1 ? { ...blob, imported: true } : blob);
    }
  });
  return found;
}

/** See BackupStore.commitGroup. */
export function commitGroup(
  connection: SqliteConnection,
  versionUid: string,
  group: BackupGroup,
  geometry: Geometry,
): Promise<CommitOutcome> {
  const date = toStoredDate(connection.now());
  return connection.write(() => {
    const refused = insertRows(connection, versionUid, group.rows, date);
    for (const range of group.sparse) insertSparse(connection, range, { versionUid, geometry, date });
    connection.run(countersUpsert(versionUid, group.counters(refused)));
    if (group.heals !== true) return { refused, healing: NOTHING_HEALED };
    const { fresh, found } = goodBlobs(group.rows, refused);
    return { refused, healing: healRows(connection, [...severalRows(connection, fresh), ...knownBad(connection, found)]) };
  });
}

const VALUES = '?, ?, ?, ?, ?, ?, 1, ?, ?, ?';

/**
 * @returns the rows that were not added: no valid row names their blob any more, or a cleanup has
 * doomed it.
 */
function insertRows(connection: SqliteConnection, versionUid: string, rows: readonly BackupRow[], date: string): BackupRow[] {
  const insert = connection.prepare(`INSERT INTO blocks (${INSERT_COLUMNS}) VALUES (${VALUES})`);
  const insertFound = connection.prepare(
    `INSERT INTO blocks (${INSERT_COLUMNS}) SELECT ${VALUES}
     WHERE EXISTS (SELECT 1 FROM blocks WHERE uid = ? AND checksum = ? AND valid = 1) AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE uid = ?)`,
  );
  const refused: BackupRow[] = [];
  for (const row of rows) {
    const fields = [row.uid, versionUid, row.id, date, row.checksum, row.size, row.encVersion, row.envKey, row.nonce];
    if (!row.found) insert.run(...fields);
    else if (insertFound.run(...fields, row.uid, row.checksum, row.uid).changes === 0) refused.push(row);
  }
  return refused;
}

/** The version that gets rows, and their date. */
interface BlocksToInsert {
  versionUid: string;
  geometry: Geometry;
  date: string;
}

/** Adds rows without a blob, as a set. */
function insertSparse(connection: SqliteConnection, { first, count }: BlockRange, to: BlocksToInsert): void {
  connection.run(
    sql`INSERT INTO blocks (uid, version_uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce)
      WITH RECURSIVE n(id) AS (SELECT ${first} UNION ALL SELECT id + 1 FROM n WHERE id < ${first + count - 1})
      SELECT NULL, ${to.versionUid}, id, ${to.date}, NULL, ${lengthOfBlock(to.geometry)}, 1, 0, NULL, NULL FROM n`,
  );
}
