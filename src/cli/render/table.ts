import Table from 'cli-table3';
import stringWidth from 'string-width';
import { cellText } from './cell-text.ts';
import type { TableData } from './table-data.ts';

/** The original's borders: scripts know these tables by their looks. */
const BORDERS = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};

/** Renders a table, without its header when `skipHeader`. Ends with a line feed. */
export function renderTable(table: TableData, options: { skipHeader: boolean; human: boolean }): string {
  const head = options.skipHeader ? [] : table.columns.map((column) => column.name);
  const body = table.rows.map((row) =>
    row.map((cell, index) => printable(cellText(cell, table.columns[index]?.kind ?? 'text', options.human))),
  );
  const widths = table.columns.map((_, index) => Math.max(0, ...[head, ...body].map((row) => stringWidth(row[index] ?? ''))));
  const aligned = (row: string[]) =>
    row.map((text, index) => align(text, widths[index] ?? 0, table.columns[index]?.align ?? 'left'));
  if (head.length + body.length === 0) return border(widths);
  const grid = new Table({ chars: BORDERS, style: { head: [], border: [], 'padding-left': 1, 'padding-right': 1 } });
  const rows = head.length > 0 ? [aligned(head), ...body.map(aligned)] : body.map(aligned);
  grid.push(...rows);
  return `${withoutInnerBorders(grid.toString(), { hasHead: head.length > 0, border: border(widths) })}`;
}

/** Control characters would move the cursor or colour the terminal: a name must not do that. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => {
    const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return named[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** The original puts an odd space to the right of a text of odd width, to the left of one of even width. */
function align(text: string, width: number, how: 'left' | 'center' | 'right'): string {
  const spare = width - stringWidth(text);
  if (how === 'left') return text + ' '.repeat(spare);
  if (how === 'right') return ' '.repeat(spare) + text;
  const left = stringWidth(text) % 2 === 1 ? Math.floor(spare / 2) : Math.ceil(spare / 2);
  return ' '.repeat(left) + text + ' '.repeat(spare - left);
}

function border(widths: readonly number[]): string {
  return `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
}

/** cli-table3 draws a line between any two rows; only the one below the header stays. */
function withoutInnerBorders(text: string, { hasHead, border: line }: { hasHead: boolean; border: string }): string {
  const rows = text.split('\n').filter((row) => !row.startsWith('+'));
  const body = rows.map((row) => `${row}\n`);
  if (!hasHead) return line + body.join('') + line;
  return line + body[0] + line + body.slice(1).join('') + line;
}
