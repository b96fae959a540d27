import { cellText } from './cell-text.ts';
import type { TableData, TextForm } from './table-data.ts';

/**
 * Renders a table for scripts: columns joined by `|`, nothing escaped, as in the original. A name
 * may contain `|` or a line feed: `--json` is safe for such names.
 */
export function renderMachine(table: TableData, options: TextForm): string {
  const lines = table.rows.map((row) =>
    row.map((cell, index) => cellText(cell, table.columns[index]?.kind ?? 'text', options.human)).join('|'),
  );
  if (!options.skipHeader) lines.unshift(table.columns.map((column) => column.name).join('|'));
  return lines.map((line) => `${line}\n`).join('');
}
