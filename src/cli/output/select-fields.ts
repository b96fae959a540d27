import { BackyError } from '../../errors.ts';
import type { Column, TableData } from './table-data.ts';

/**
 * The columns of `-f`, in its order; all columns if it is absent.
 * @throws BackyError `failed` for an unknown or repeated field.
 */
export function chooseColumns<Row>(columns: readonly Column<Row>[], fields: string | undefined): readonly Column<Row>[] {
  return fields === undefined ? columns : selectColumns(columns, fields).map(({ extra: _, ...column }) => column);
}

export function toTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): TableData {
  return {
    columns: columns.map(({ value: _, ...column }) => column),
    rows: rows.map((row) => columns.map((column) => column.value(row))),
  };
}

function selectColumns<Row>(columns: readonly Column<Row>[], fields: string): Column<Row>[] {
  const names = fields.split(',').map((name) => name.trim());
  if (new Set(names).size < names.length)
    throw new BackyError('failed', 'A field is named twice in -f.', { hint: knownFields(columns) });
  return names.map((name) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw new BackyError('failed', `Unknown field "${name}" in -f.`, { hint: knownFields(columns) });
    return column;
  });
}

function knownFields(columns: readonly { name: string }[]): string {
  return `Known fields: ${columns.map((column) => column.name).join(',')}`;
}
