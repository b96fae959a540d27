import pg from 'pg';
import { type Sql, sql } from '../sql/statement.ts';

/** The types of {@link binaryArray}: TEXT, BIGINT, BYTEA. */
export type ArrayType = 'text' | 'number' | 'bytes';

const OIDS: Record<ArrayType, number> = {
  text: pg.types.builtins.TEXT,
  number: pg.types.builtins.INT8,
  bytes: pg.types.builtins.BYTEA,
};
/** Casts to arrays of these types. */
export const ARRAY_TYPES: Record<ArrayType, Sql> = { text: sql`::text[]`, number: sql`::bigint[]`, bytes: sql`::bytea[]` };

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NUMBER_BYTES = 8;
const NULL_LENGTH = -1;

/** A value of an array. Numbers are whole. */
type Cell = string | number | Buffer | null;

/**
 * An array in the server's binary form (`array_recv`), which the driver sends as it is. Takes a
 * third of the time of the text form, and half the bytes for checksums: no hex, no quotes.
 */
export function binaryArray(type: ArrayType, values: readonly Cell[]): Buffer {
  let bytes = HEADER_BYTES;
  for (const value of values) bytes += LENGTH_BYTES + byteLength(value);
  const array = Buffer.allocUnsafe(bytes);
  let at = writeHeader(array, type, values);
  for (const value of values) {
    at = array.writeInt32BE(value === null ? NULL_LENGTH : byteLength(value), at);
    if (typeof value === 'string') at += array.write(value, at);
    else if (typeof value === 'number') at = writeNumber(array, value, at);
    else if (value !== null) at += value.copy(array, at);
  }
  return array;
}

function byteLength(value: Cell): number {
  if (value === null) return 0;
  return typeof value === 'number' ? NUMBER_BYTES : typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

/** One dimension, from 1 on. */
function writeHeader(array: Buffer, type: ArrayType, values: readonly Cell[]): number {
  let at = 0;
  for (const field of [1, values.includes(null) ? 1 : 0, OIDS[type], values.length, 1]) at = array.writeInt32BE(field, at);
  return at;
}

/** Without BigInt, which is slower. */
function writeNumber(array: Buffer, value: number, at: number): number {
  const high = Math.floor(value / 2 ** 32);
  return array.writeUInt32BE(value - high * 2 ** 32, array.writeInt32BE(high, at));
}
