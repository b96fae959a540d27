import { cellText } from './cell-text.ts';
import { printable } from './printable.ts';
import type { TableData } from './table-data.ts';

/** The form that scripts cut with awk: columns joined by `|`, as the original prints it. Control characters alone are escaped:
 * a row is one line, and a name moves no cursor. Sizes with units too, when asked. */
export function renderMachine(table: TableData, options: { skipHeader: boolean; human: boolean }): string {
  const lines = table.rows.map((row) =>
    row.map((cell, index) => printable(cellText(cell, table.columns[index]?.kind ?? 'text', options.human))).join('|'),
  );
  if (!options.skipHeader) lines.unshift(table.columns.map((column) => column.name).join('|'));
  return lines.map((line) => `${line}\n`).join('');
}
