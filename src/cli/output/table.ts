import Table from 'cli-table3';
import { cellText } from './cell-text.ts';
import { printable } from './printable.ts';
import type { TableData, TextForm } from './table-data.ts';
import { textWidth } from './text-width.ts';

type Align = TableData['columns'][number]['align'];

/** The original's borders, which scripts rely on. */
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
  right: '|',
  middle: '|',
};

/** Renders a table with borders. Ends with a line feed. */
export function renderTable(table: TableData, options: TextForm): string {
  const head = options.skipHeader ? [] : [table.columns.map(({ name }) => name)];
  const body = table.rows.map((row) =>
    row.map((cell, index) => printable(cellText(cell, table.columns[index]?.kind ?? 'text', options.human))),
  );
  const widths = table.columns.map((_, index) => widest([...head, ...body], index));
  const { border, frame } = drawFrame(widths);
  const line = (row: string[]) => {
    const cells = row.map((text, index) => align(text, widths[index] ?? 0, table.columns[index]?.align ?? 'left'));
    return frame.map((side, index) => side + (cells[index] ?? '')).join('');
  };
  return [border, ...head.flatMap((row) => [line(row), border]), ...body.map(line), border].join('');
}

/**
 * Draws the border, and the pieces of a row around its cells. Uses placeholders for the cells: the
 * package measures wide characters by other rules than the original.
 */
function drawFrame(widths: readonly number[]): { border: string; frame: string[] } {
  const table = new Table({ chars: BORDERS, style: { head: [], border: [], 'padding-left': 1, 'padding-right': 1 } });
  table.push(widths.map((width) => 'x'.repeat(width)));
  const [border = '', row = ''] = table.toString().split('\n');
  return { border: `${border}\n`, frame: `${row}\n`.split(/(?<= )x*(?= )/) };
}

function widest(rows: string[][], column: number): number {
  return rows.reduce((width, row) => Math.max(width, textWidth(row[column] ?? '')), 0);
}

/**
 * Pads text. When centring, the original puts an odd space right of odd widths and left of even
 * ones.
 */
function align(text: string, width: number, how: Align): string {
  const own = textWidth(text);
  const spare = width - own;
  if (how === 'left') return text + ' '.repeat(spare);
  if (how === 'right') return ' '.repeat(spare) + text;
  const left = own % 2 === 1 ? Math.floor(spare / 2) : Math.ceil(spare / 2);
  return ' '.repeat(left) + text + ' '.repeat(spare - left);
}
