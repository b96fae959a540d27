import type { BackupRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { Geometry } from '../../model/geometry.ts';
import { lengthOfBlock } from '../sql/block-conditions.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/** The columns of table blocks, in the order in which rows are inserted. */
export const INSERT_COLUMNS = sql`uid, version_uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce`;

/** The version that gets rows, and their date. */
export interface BlocksToInsert {
  versionUid: string;
  geometry: Geometry;
  date: string;
}

/**
 * Adds rows whose blobs are new, as one statement. A COPY would not be faster: indexes and the
 * foreign key take most of the time.
 * @returns those of their checksums that other rows have. The statement does not see what it adds.
 */
export async function insertNew(session: Session, rows: readonly BackupRow[], to: BlocksToInsert): Promise<Set<string>> {
  const known = await session.query<{ checksum: string }>(
    sql`WITH r AS MATERIALIZED (SELECT * FROM ${rowsTable(rows)}),
        added AS (INSERT INTO blocks (${INSERT_COLUMNS}) SELECT ${columnsFor(to)} FROM r)
      SELECT r.checksum FROM r CROSS JOIN LATERAL (SELECT 1 FROM blocks WHERE checksum = r.checksum LIMIT 1) AS other`,
  );
  return new Set(known.map(({ checksum }) => checksum));
}

/**
 * The same for blobs that dedup found. @returns the rows that were not added: no valid row names
 * their blob any more, or a cleanup has doomed it.
 */
export async function insertFound(session: Session, rows: readonly BackupRow[], to: BlocksToInsert): Promise<BackupRow[]> {
  const taken = await session.query<{ id: number }>(
    sql`INSERT INTO blocks (${INSERT_COLUMNS}) SELECT ${columnsFor(to)} FROM ${rowsTable(rows)}
      WHERE EXISTS (SELECT 1 FROM blocks b WHERE b.uid = r.uid AND b.checksum = r.checksum AND b.valid = 1)
        AND NOT EXISTS (SELECT 1 FROM backy2_doomed d WHERE d.uid = r.uid)
      RETURNING id`,
  );
  if (taken.length === rows.length) return [];
  const ids = new Set(taken.map((row) => row.id));
  return rows.filter((row) => !ids.has(row.id));
}

/** Adds rows without a blob, as a set. */
export async function insertSparse(session: Session, ranges: readonly BlockRange[], to: BlocksToInsert): Promise<void> {
  await session.run(
    sql`INSERT INTO blocks (${INSERT_COLUMNS})
      SELECT NULL, ${to.versionUid}, id, ${to.date}::timestamp, NULL, ${lengthOfBlock(to.geometry)}, 1, 0, NULL, NULL
      FROM ${rangesTable(ranges)}, generate_series(first, first + count - 1) AS id`,
  );
}

/** A table `r (first, count)`. */
export function rangesTable(ranges: readonly BlockRange[]): Sql {
  const firsts = arrayOf(ranges.map((range) => range.first));
  return sql`unnest(${firsts}::int[], ${arrayOf(ranges.map((range) => range.count))}::int[]) AS r(first, count)`;
}

/** {@link INSERT_COLUMNS} of a row of {@link rowsTable}. */
function columnsFor({ versionUid, date }: BlocksToInsert): Sql {
  return sql`r.uid, ${versionUid}, r.id, ${date}::timestamp, r.checksum, r.size, 1, r.enc_version, r.enc_envkey, r.enc_nonce`;
}

/** A table `r` of rows. */
function rowsTable(rows: readonly BackupRow[]): Sql {
  return sql`unnest(
      ${arrayOf(rows.map((row) => row.uid))}::text[],
      ${arrayOf(rows.map((row) => row.id))}::int[],
      ${arrayOf(rows.map((row) => row.checksum))}::text[],
      ${arrayOf(rows.map((row) => row.size))}::bigint[],
      ${arrayOf(rows.map((row) => row.encVersion))}::int[],
      ${arrayOf(rows.map((row) => row.envKey))}::text[],
      ${arrayOf(rows.map((row) => row.nonce))}::text[]
    ) AS r(uid, id, checksum, size, enc_version, enc_envkey, enc_nonce)`;
}
