import { isBlobUid } from '../blob-uid.ts';
import { NONCE_BYTES } from '../codec/codec.ts';
import type { KeyBatch } from '../codec/key-batch.ts';
import { WRAPPED_KEY_BYTES } from '../codec/key-wrap.ts';
import {
  BLOB,
  EMPTY_KEY,
  HEADER_BYTES,
  INVALID,
  KEY,
  MOST_CHECKSUM_BYTES,
  MOST_SIZE,
  NONCE,
  ODD,
  ROW,
  UID_LENGTH,
} from './leaf-layout.ts';
import { encodeOdd } from './odd-rows.ts';
import { LEAF_BLOCKS, type LeafRow } from './types.ts';
import { uidColumns } from './uid-columns.ts';

const HEX = /^(?:[0-9a-f]{2})*$/;

/** Rows of a leaf by class, and those that no class fits. */
interface Sorted {
  classes: Uint8Array;
  blobs: LeafRow[];
  keys: LeafRow[];
  nonces: LeafRow[];
  odd: LeafRow[];
}

/** The values that most rows of a leaf have. */
interface Usual {
  size: number;
  /** Of the text. */
  checksumDigits: number;
}

/**
 * The payload of a leaf (docs/spec/formats.md §10), the same for the same rows. 1 µs a row.
 * @param rows in order of their ids, all of leaf `index`.
 * @param batch with the key that wraps their data keys; undefined: there MUST be none.
 */
export function encodeRows(index: number, rows: readonly LeafRow[], batch: KeyBatch | undefined): Buffer {
  const oddities = new Set<LeafRow>();
  const usual = usualOf(rows);
  for (;;) {
    const sorted = sort(rows, { ...usual, first: index * LEAF_BLOCKS, oddities });
    const found = oddities.size;
    const columns = columnsOf(sorted, oddities, batch);
    // Texts of the right length that are no hex, and keys that don't fit, make more rows odd.
    if (columns !== undefined && oddities.size === found)
      return assemble({ classes: sorted.classes, odd: encodeOdd(sorted.odd, batch) }, usual, columns);
  }
}

/** Whether a row has a data key, so that it must not be stored without encryption. */
export function hasDataKey({ encVersion, envKey }: LeafRow): boolean {
  return encVersion !== 0 || (envKey !== null && envKey !== '');
}

/** Those of the first row: only the last block of an image has another size. */
function usualOf(rows: readonly LeafRow[]): Usual {
  const size = rows[0]?.size ?? 0;
  const checksum = rows.find((row) => row.checksum !== null)?.checksum ?? '';
  return {
    size: Number.isInteger(size) && size >= 0 && size <= MOST_SIZE ? size : 0,
    checksumDigits: checksum.length <= 2 * MOST_CHECKSUM_BYTES && checksum.length % 2 === 0 ? checksum.length : 0,
  };
}

function sort(
  rows: readonly LeafRow[],
  { size, checksumDigits, first, oddities }: Usual & { first: number; oddities: ReadonlySet<LeafRow> },
): Sorted {
  const last = rows.at(-1);
  const sorted: Sorted = {
    classes: new Uint8Array(last === undefined ? 0 : last.id - first + 1),
    blobs: [],
    keys: [],
    nonces: [],
    odd: [],
  };
  const looksOdd = oddities.size > 0;
  for (const row of rows) {
    const given = looksOdd && oddities.has(row) ? ODD : classOf(row, size, checksumDigits);
    sorted.classes[row.id - first] = given;
    if (given === ODD) sorted.odd.push(row);
    else {
      if ((given & BLOB) !== 0) sorted.blobs.push(row);
      if ((given & KEY) !== 0) sorted.keys.push(row);
      if ((given & NONCE) !== 0) sorted.nonces.push(row);
    }
  }
  return sorted;
}

/** By presence and lengths alone: letters are looked at in {@link columnsOf}, all at once. */
function classOf(
  { uid, checksum, size, encVersion, envKey, nonce, valid }: LeafRow,
  usualSize: number,
  checksumDigits: number,
): number {
  if (size !== usualSize || (uid === null) !== (checksum === null)) return ODD;
  let given = valid ? ROW : ROW | INVALID;
  if (uid !== null) {
    if (uid.length !== UID_LENGTH || checksum?.length !== checksumDigits) return ODD;
    given |= BLOB;
  }
  if (encVersion === 1 && envKey?.length === 2 * WRAPPED_KEY_BYTES) given |= KEY;
  else if (encVersion === 0 && envKey === '') given |= EMPTY_KEY;
  else if (encVersion !== 0 || envKey !== null) return ODD;
  if (nonce === null) return given;
  return nonce.length === 2 * NONCE_BYTES ? given | NONCE : ODD;
}

/** The columns, or undefined if some rows turned out to be odd: they are in `oddities` then. */
function columnsOf({ blobs, keys, nonces }: Sorted, oddities: Set<LeafRow>, batch: KeyBatch | undefined): Buffer[] | undefined {
  const uids = uidColumns(blobs.map(({ uid }) => uid as string));
  if (uids === undefined) for (const row of blobs) if (!isBlobUid(row.uid as string)) oddities.add(row);
  const checksums = hexColumn(blobs, ({ checksum }) => checksum as string, oddities);
  const wrapped = hexColumn(keys, ({ envKey }) => envKey as string, oddities);
  const nonceBytes = hexColumn(nonces, ({ nonce }) => nonce as string, oddities);
  if (uids === undefined || checksums === undefined || wrapped === undefined || nonceBytes === undefined) return undefined;
  const unwrapped = keys.length === 0 ? { keys: Buffer.alloc(0), misfits: [] } : batch?.unwrap(wrapped);
  if (unwrapped === undefined) throw new Error('a leaf with data keys is never stored without encryption');
  for (const n of unwrapped.misfits) oddities.add(keys[n] as LeafRow);
  return [uids.prefixes, uids.letters, checksums, unwrapped.keys, nonceBytes];
}

/** The bytes of a column; undefined if some of its texts are no lower-case hex. */
function hexColumn(rows: readonly LeafRow[], textOf: (row: LeafRow) => string, oddities: Set<LeafRow>): Buffer | undefined {
  const text = rows.map(textOf).join('');
  const bytes = Buffer.from(text, 'hex');
  // Quicker than a pattern for each of them.
  if (bytes.toString('hex') === text) return bytes;
  for (const row of rows) if (!HEX.test(textOf(row))) oddities.add(row);
  return undefined;
}

function assemble(
  { classes, odd }: { classes: Uint8Array; odd: Buffer },
  { size, checksumDigits }: Usual,
  columns: Buffer[],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(classes.length, 0);
  header.writeUInt16BE(checksumDigits / 2, 2);
  header.writeUInt32BE(size, 4);
  return Buffer.concat([header, classes, ...columns, odd]);
}
