import { cellText } from './cell-text.ts';
import type { TableData } from './table-data.ts';

/**
 * The form that scripts cut with awk: columns joined by `|`, nothing escaped, as the original prints it. Sizes with units too, when asked.
 * Names may hold anything: who can't trust them reads `--json`.
 */
export function renderMachine(table: TableData, options: { skipHeader: boolean; human: boolean }): string {
  const lines = table.rows.map((row) =>
    row.map((cell, index) => cellText(cell, table.columns[index]?.kind ?? 'text', options.human)).join('|'),
  );
  if (!options.skipHeader) lines.unshift(table.columns.map((column) => column.name).join('|'));
  return lines.map((line) => `${line}\n`).join('');
}
