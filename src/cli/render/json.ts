import type { TableData } from './table-data.ts';

/** One JSON document: an array of objects for a table, keyed by field. Times are ISO 8601, flags are booleans. */
export function tableToJson(table: TableData): unknown {
  return table.rows.map((row) => Object.fromEntries(table.columns.map((column, index) => [column.name, row[index]])));
}

/** The text of a JSON document on stdout. */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
