import { BackyError } from '../../errors.ts';
import type { TableData } from './table-data.ts';

/** A JSON value, with integers of any size. */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** Converts a table to an array of objects. Their keys are the fields of `-f`. */
export function tableToJson(table: TableData): JsonValue {
  return table.rows.map((row) =>
    Object.fromEntries(table.columns.map((column, index) => [column.name, toJson(row[index] ?? null)])),
  );
}

/**
 * Converts a result to JSON: keys in snake case (`sizeBytes` becomes `size_bytes`), times in ISO
 * 8601 with Z. Drops undefined values.
 * @throws BackyError `failed` for NaN, infinity, and integers beyond JavaScript's exact range.
 */
export function toJson(value: unknown): JsonValue {
  if (typeof value === 'number') return exact(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') throw new TypeError(`JSON has nothing for a ${typeof value}`);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [fieldName(key), toJson(inner)]));
}

function exact(value: number): number {
  if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return value;
  throw new BackyError('failed', `Cannot print ${value} as JSON: the number is not exact.`, {
    hint: 'The database may be damaged. Run the command without --json to see all values.',
  });
}

/** Fields of bad blocks, whose names in JSON differ from those in the program. */
const JSON_NAMES: Readonly<Record<string, string>> = { actual: 'is', expected: 'should_be' };

function fieldName(key: string): string {
  return JSON_NAMES[key] ?? snakeCase(key);
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Generates the text of a JSON value in pieces: a document may exceed the longest string, and
 * JSON.stringify does not support bigint.
 * @param newline starts each line: a line feed and the indentation; '' for a single line.
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

/**
 * Escapes more than JSON requires: characters that would control a terminal or change text
 * direction.
 */
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
