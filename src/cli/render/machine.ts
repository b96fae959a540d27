import { cellText } from './cell-text.ts';
import type { TableData } from './table-data.ts';

/** The form that scripts cut with awk: columns joined by `|`, nothing escaped, as the original prints it. */
export function renderMachine(table: TableData, options: { skipHeader: boolean }): string {
  const lines = table.rows.map((row) =>
    row.map((cell, index) => cellText(cell, table.columns[index]?.kind ?? 'text', false)).join('|'),
  );
  if (!options.skipHeader) lines.unshift(table.columns.map((column) => column.name).join('|'));
  return lines.map((line) => `${line}\n`).join('');
}
