/**
 * A mark that each of our transactions changes, in one page of the file: `backy2-mark:<16 hex
 * digits>:<16 digits>`. The hex digits identify the database; the number counts transactions. So a
 * WAL tells which state of which database it continues.
 */
export const MARK_TABLE = [
  'CREATE TABLE IF NOT EXISTS backy2_commit (id INTEGER NOT NULL PRIMARY KEY, mark TEXT NOT NULL)',
  `INSERT OR IGNORE INTO backy2_commit (id, mark)
     VALUES (1, 'backy2-mark:' || lower(hex(randomblob(8))) || ':' || printf('%016d', 0))`,
];

/** Counts a transaction, within it. */
export const COUNT_COMMIT = `UPDATE backy2_commit SET mark = substr(mark, 1, 29) || printf('%016d', CAST(substr(mark, 30) AS INTEGER) + 1)`;

/** The state of the database that a page belongs to. */
export interface CommitMark {
  lineage: string;
  count: number;
}

const LEAF_OF_TABLE = 0x0d;
const CELLS_AT = 3;
const POINTERS_AT = 8;
/** Payload of 48 bytes, row 1; a header of 3 bytes: NULL for the id, text of 45 bytes. */
const CELL_START = Buffer.from([48, 1, 3, 0, 103]);
const MARK_BYTES = 45;
const MARK = /^backy2-mark:([0-9a-f]{16}):(\d{16})$/;

/**
 * The mark in a page of the file, if it is the page of its table. Leftovers in other pages must not
 * count.
 */
export function markInPage(page: Buffer): CommitMark | undefined {
  if (page[0] !== LEAF_OF_TABLE || page.readUInt16BE(CELLS_AT) !== 1) return undefined;
  const cell = page.readUInt16BE(POINTERS_AT);
  const text = cell + CELL_START.length;
  if (text + MARK_BYTES > page.length || !page.subarray(cell, text).equals(CELL_START)) return undefined;
  const [, lineage, count] = MARK.exec(page.toString('latin1', text, text + MARK_BYTES)) ?? [];
  return lineage === undefined ? undefined : { lineage, count: Number(count) };
}
