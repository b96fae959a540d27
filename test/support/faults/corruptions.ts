import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Lab } from '../labs/lab.ts';

/** One flipped bit in what a lab stores. */
export interface Corruption {
  region: string;
  /** @returns false if there is nothing to flip. */
  apply(lab: Lab, random: () => number): boolean;
}

/** Positions in a blob, by its length. */
const BLOB_PLACES: Record<string, (length: number) => number> = {
  'first byte (tag)': () => 0,
  'byte 16 (nonce)': () => 16,
  'byte 32 (frame)': () => 32,
  middle: (length) => Math.floor(length / 2),
  'last byte': (length) => length - 1,
};

/** Corruptions of the blob of one block. */
export function blobCorruptions(uid: string, blockId: number): Corruption[] {
  return Object.entries(BLOB_PLACES).map(([name, at]) => ({
    region: `blob, ${name}`,
    apply: (lab, random) => {
      const blob = lab.blobAt(uid, blockId);
      const bytes = blob.read();
      flip(bytes, at(bytes.length), random);
      blob.write(bytes);
      return true;
    },
  }));
}

/** Flips one bit in the value of each column: of a number, of a byte, or of one character. */
export function rowCorruptions(table: string, columns: readonly string[], where: string): Corruption[] {
  return columns.map((column) => ({
    region: `${table}.${column}`,
    apply: (lab, random) => {
      const db = new Database(lab.databasePath);
      try {
        db.pragma('foreign_keys = OFF');
        const row = db.prepare(`SELECT ${column} AS value FROM ${table} WHERE ${where}`).get() as { value: unknown } | undefined;
        const flipped = flippedValue(row?.value, random);
        if (flipped === undefined) return false;
        return db.prepare(`UPDATE OR IGNORE ${table} SET ${column} = ? WHERE ${where}`).run(flipped).changes > 0;
      } finally {
        db.close();
      }
    },
  }));
}

function flippedValue(value: unknown, random: () => number): string | number | Buffer | undefined {
  if (Buffer.isBuffer(value) && value.length > 0) {
    flip(value, Math.floor(random() * value.length), random);
    return value;
  }
  if (typeof value === 'number') return value ^ (1 << Math.floor(random() * (value > 1 ? 12 : 1)));
  if (typeof value !== 'string' || value === '') return undefined;
  const bytes = Buffer.from(value);
  // Stays ASCII, so that it remains text.
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 6));
  return bytes.toString('latin1');
}

const BLOB_COLUMNS = ['id', 'uid', 'checksum', 'size', 'valid', 'enc_version', 'envkey', 'nonce'];
/** `data` comes more than once: it is by far the largest. */
const LEAF_COLUMNS = ['id', 'n', 'odd', 'sum', 'data', 'data', 'data', 'data'];

/** Corruptions of the row of a block's blob in the compact layout. */
export function blobRowCorruptions(lab: Lab, versionUid: string, blockId: number): Corruption[] {
  return rowCorruptions('backy2_blobs', BLOB_COLUMNS, `uid = '${lab.blobAt(versionUid, blockId).uid}'`);
}

/** Corruptions of a version's leaves and of its map in the compact layout. */
export function mapCorruptions(versionUid: string): Corruption[] {
  const map = `(SELECT id FROM backy2_maps WHERE version_uid = '${versionUid}')`;
  const leaf = `(SELECT leaf FROM backy2_map_leaves WHERE map = ${map})`;
  return [
    ...rowCorruptions('backy2_leaves', LEAF_COLUMNS, `id = ${leaf}`),
    ...rowCorruptions('backy2_maps', ['id', 'version_uid', 'block_size', 'digest'], `version_uid = '${versionUid}'`),
    ...rowCorruptions('backy2_map_leaves', ['map', 'idx', 'leaf'], `map = ${map}`),
  ];
}

/** Kinds of pages by their first byte. */
const PAGE_KINDS: Record<number, string> = { 2: 'interior index', 5: 'interior table', 10: 'leaf index', 13: 'leaf table' };

/** Flips `each` bits in each kind of database page, and in the header and the schema. */
export function pageCorruptions(databasePath: string, each: number): Corruption[] {
  const bytes = readFileSync(databasePath);
  const pageSize = bytes.readUInt16BE(16);
  const regions = new Map<string, { first: number; length: number }[]>([['SQLite header', [{ first: 0, length: 100 }]]]);
  for (let first = 0; first < bytes.length; first += pageSize) {
    const start = first === 0 ? 100 : 0;
    const kind = first === 0 ? 'schema' : PAGE_KINDS[bytes[first] ?? 0];
    const region = `SQLite ${kind ?? 'other'} page`;
    // The heads of pages and cells decide more than their content.
    regions.set(`${region}, head`, [...(regions.get(`${region}, head`) ?? []), { first: first + start, length: 40 }]);
    regions.set(region, [...(regions.get(region) ?? []), { first: first + start, length: pageSize - start }]);
  }
  return [...regions].flatMap(([region, places]) =>
    Array.from({ length: each }, () => ({
      region,
      apply: (lab: Lab, random: () => number) => {
        const place = places[Math.floor(random() * places.length)];
        if (place === undefined) return false;
        flipInFile(lab.databasePath, place.first + Math.floor(random() * place.length), random);
        return true;
      },
    })),
  );
}

/** Flips a bit in each field of some lines of an export. */
export function exportCorruptions(file: string): Corruption[] {
  const lines = readFileSync(file, 'latin1').split('\r\n');
  return [0, 1, 2, 8, lines.length - 2].flatMap((line) =>
    (lines[line] ?? '').split(',').map((_, field) => ({
      region: line < 2 ? `export, ${line === 0 ? 'first line' : 'version line'}` : 'export, block line',
      apply: (lab: Lab, random: () => number) => {
        const fields = lines[line]?.split(',') ?? [];
        const value = fields[field] ?? '';
        if (value === '') return false;
        const bytes = Buffer.from(value, 'latin1');
        flip(bytes, Math.floor(random() * bytes.length), random);
        fields[field] = bytes.toString('latin1');
        const changed = lines.map((text, n) => (n === line ? fields.join(',') : text));
        lab.write('flipped.csv', Buffer.from(changed.join('\r\n'), 'latin1'));
        return true;
      },
    })),
  );
}

function flip(bytes: Buffer, at: number, random: () => number): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
}

function flipInFile(path: string, at: number, random: () => number): void {
  const bytes = readFileSync(path);
  flip(bytes, at, random);
  writeFileSync(path, bytes);
}
