import { BackyError } from '../../errors.ts';
import type { Column, TableData } from './table-data.ts';

/** Makes a table of `rows` with the columns of `-f` in its order, or with all of them. */
export function toTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], fields: string | undefined): TableData {
  const chosen = fields === undefined ? columns : selectColumns(columns, fields);
  return {
    columns: chosen.map(({ name, kind, align }) => ({ name, kind, align })),
    rows: rows.map((row) => chosen.map((column) => column.value(row))),
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
