import { BackyError } from '../../errors.ts';
import type { TableData } from './table-data.ts';

/** A value as JSON has it, integers of any size included. */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** A table as an array of objects keyed by field, as `-f` names it. */
export function tableToJson(table: TableData): JsonValue {
  return table.rows.map((row) =>
    Object.fromEntries(table.columns.map((column, index) => [column.name, toJson(row[index] ?? null)])),
  );
}

/**
 * A result as JSON: keys as tables name their fields (`sizeBytes` becomes `size_bytes`), times in ISO 8601 with Z. Keys without a value are left out.
 * A number that JavaScript no longer knows exactly is an error rather than silently wrong; so is one that is none.
 */
export function toJson(value: unknown): JsonValue {
  if (typeof value === 'number') return exact(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') throw new TypeError(`JSON has nothing for a ${typeof value}`);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [snakeCase(key), toJson(inner)]));
}

function exact(value: number): number {
  if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return value;
  throw new BackyError('failed', `The result holds ${value}, which is beyond what can be told exactly.`, {
    hint: 'Something in the database is not as it should be. Look at the same output without --json.',
  });
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * The text of a JSON value, piece by piece: a document may be longer than the longest string, and JSON.stringify knows no
 * bigint. `newline` is what a line starts with; without it everything is on one line.
 */
export function* jsonText(value: JsonValue, newline = ''): Generator<string> {
  if (typeof value === 'bigint') yield String(value);
  else if (typeof value === 'string') yield quoted(value);
  else if (typeof value !== 'object' || value === null) yield JSON.stringify(value);
  else if (Array.isArray(value)) yield* enclosed('[', items(value), ']', newline);
  else yield* enclosed('{', properties(value), '}', newline);
}

type Member = [prefix: string, value: JsonValue];

function* items(values: readonly JsonValue[]): Generator<Member> {
  for (const value of values) yield ['', value];
}

function* properties(object: { [key: string]: JsonValue }): Generator<Member> {
  for (const [key, value] of Object.entries(object)) yield [`${quoted(key)}: `, value];
}

/** Escaped beyond what JSON asks for: what turns or moves things on a terminal must not stand there as it is. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function* enclosed(open: string, members: Iterable<Member>, close: string, newline: string): Generator<string> {
  const indented = newline === '' ? '' : `${newline}  `;
  let separator = '';
  yield open;
  for (const [prefix, value] of members) {
    yield `${separator}${indented}${prefix}`;
    yield* jsonText(value, indented);
    separator = newline === '' ? ', ' : ',';
  }
  yield separator === '' ? close : `${newline}${close}`;
}
