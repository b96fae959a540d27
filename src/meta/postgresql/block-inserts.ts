import type { BackupRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import { arrayOf } from './literals.ts';
import type { PgValue, Session } from './session.ts';

/** The columns of table blocks, in the order in which rows are inserted. */
export const INSERT_COLUMNS = 'uid, version_uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';

/** The version that gets rows, and the time that they get. */
export interface BlocksToInsert {
  versionUid: string;
  geometry: Geometry;
  date: string;
}

const NEW_ROWS = `unnest($3::text[], $4::int[], $5::text[], $6::bigint[], $7::int[], $8::text[], $9::text[])
  AS r(uid, id, checksum, size, enc_version, enc_envkey, enc_nonce)`;
const VALUES = 'r.uid, $1, r.id, $2::timestamp, r.checksum, r.size, 1, r.enc_version, r.enc_envkey, r.enc_nonce';

/** Adds rows whose blobs are new, as one statement. */
export async function insertNew(session: Session, rows: readonly BackupRow[], to: BlocksToInsert): Promise<void> {
  await session.run(`INSERT INTO blocks (${INSERT_COLUMNS}) SELECT ${VALUES} FROM ${NEW_ROWS}`, parameters(rows, to));
}

/** The same for blobs that were found. @returns the rows whose blob no good row names any more, or a cleanup has doomed. */
export async function insertFound(session: Session, rows: readonly BackupRow[], to: BlocksToInsert): Promise<BackupRow[]> {
  const taken = await session.query<{ id: number }>(
    `INSERT INTO blocks (${INSERT_COLUMNS}) SELECT ${VALUES} FROM ${NEW_ROWS}
     WHERE EXISTS (SELECT 1 FROM blocks b WHERE b.uid = r.uid AND b.checksum = r.checksum AND b.valid = 1)
       AND NOT EXISTS (SELECT 1 FROM backy2_doomed d WHERE d.uid = r.uid)
     RETURNING id`,
    parameters(rows, to),
  );
  if (taken.length === rows.length) return [];
  const ids = new Set(taken.map((row) => row.id));
  return rows.filter((row) => !ids.has(row.id));
}

/** Adds rows without a blob, as a set. */
export async function insertSparse(session: Session, ranges: readonly BlockRange[], to: BlocksToInsert): Promise<void> {
  const lastId = blockCount(to.geometry) - 1;
  const lastSize = blockLength(to.geometry, lastId);
  await session.run(
    `INSERT INTO blocks (${INSERT_COLUMNS})
     SELECT NULL, $1, n, $2::timestamp, NULL, CASE n WHEN $3::int THEN $4::bigint ELSE $5 END, 1, 0, NULL, NULL
     FROM unnest($6::int[], $7::int[]) AS r(first, count), generate_series(first, first + count - 1) AS n`,
    [
      ...[to.versionUid, to.date, lastId, lastSize, to.geometry.blockSize],
      ...[arrayOf(ranges.map((range) => range.first)), arrayOf(ranges.map((range) => range.count))],
    ],
  );
}

function parameters(rows: readonly BackupRow[], { versionUid, date }: BlocksToInsert): PgValue[] {
  return [
    versionUid,
    date,
    arrayOf(rows.map((row) => row.uid)),
    arrayOf(rows.map((row) => row.id)),
    arrayOf(rows.map((row) => row.checksum)),
    arrayOf(rows.map((row) => row.size)),
    arrayOf(rows.map((row) => row.encVersion)),
    arrayOf(rows.map((row) => row.envKey)),
    arrayOf(rows.map((row) => row.nonce)),
  ];
}
