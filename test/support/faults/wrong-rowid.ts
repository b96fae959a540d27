import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';

/** An entry of an index, and where it is to lead. */
interface WrongEntry {
  index: string;
  key: readonly (string | number)[];
  /** The rowid of the entry's row, and the one that it gets: both from 2 to 127. */
  rowid: number;
  wrong: number;
}

/**
 * Changes the rowid of an index's entry in the file, as a flipped bit would. The index MUST have
 * one page, and nobody the file open.
 */
export function setWrongRowid(path: string, { index, key, rowid, wrong }: WrongEntry): void {
  const db = new Database(path);
  const root = db.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').pluck().get(index) as number;
  const pageSize = db.pragma('page_size', { simple: true }) as number;
  db.close();
  const bytes = readFileSync(path);
  const page = bytes.subarray((root - 1) * pageSize, root * pageSize);
  const record = recordOf([...key, rowid]);
  const at = page.indexOf(record);
  if (page[0] !== LEAF_INDEX || at < 0 || page.indexOf(record, at + 1) >= 0) throw new Error(`no such entry in ${index}`);
  page[at + record.length - 1] = wrong;
  writeFileSync(path, bytes);
}

const LEAF_INDEX = 10;

/** https://www.sqlite.org/fileformat2.html#record_format */
function recordOf(values: readonly (string | number)[]): Buffer {
  const fields = values.map((value) => {
    if (typeof value === 'string') return varint(13 + 2 * value.length);
    return [value === 0 ? 8 : value === 1 ? 9 : 1];
  });
  const head = fields.flat();
  const content = values.flatMap((value) => {
    if (typeof value === 'string') return [...Buffer.from(value)];
    return value < 2 ? [] : [value];
  });
  return Buffer.from([head.length + 1, ...head, ...content]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [128 | (value >> 7), value & 127];
}
