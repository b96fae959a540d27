import type { TableData } from './table-data.ts';

/** One JSON document: an array of objects for a table, keyed by field. Times are ISO 8601, flags are booleans. */
export function tableToJson(table: TableData): unknown {
  return table.rows.map((row) => Object.fromEntries(table.columns.map((column, index) => [column.name, row[index]])));
}

/** A result with its keys as tables name their fields: `sizeBytes` becomes `size_bytes`. */
export function toJsonKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonKeys);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), toJsonKeys(inner)]));
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The text of a JSON document on stdout. */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
