/** A table as `ls` prints it: rows of cells by column. */
export type Row = Record<string, string>;

const LEFT = new Set(['name', 'snapshot_name', 'tags', 'schedulers', 'breach']);
const RIGHT = new Set(['size', 'size_bytes']);

/** The lines of a table in the program's output. */
export function tableLines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => /^[+|]/.test(line));
}

/** The output with its one table changed, laid out anew (cli.md, "Output forms"). */
export function editTable(stdout: string, edit: (rows: Row[]) => Row[]): string {
  const [, header = '', , ...body] = tableLines(stdout);
  const columns = cells(header);
  const rows = body.slice(0, -1).map((line) => toRow(columns, cells(line)));
  return layTable(columns, edit(rows));
}

/** A table of these columns and rows. */
export function layTable(columns: string[], rows: Row[]): string {
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => (row[column] ?? '').length)));
  const border = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (row: Row) =>
    `|${columns.map((column, i) => ` ${aligned(column, row[column] ?? '', widths[i] ?? 0)} `).join('|')}|`;
  return [border, line(toRow(columns, columns)), border, ...rows.map(line), border, ''].join('\n');
}

function aligned(column: string, text: string, width: number): string {
  if (LEFT.has(column)) return text.padEnd(width);
  if (RIGHT.has(column)) return text.padStart(width);
  const space = width - text.length;
  // What can't be shared evenly goes to the left of texts of even length, as in the original.
  const left = text.length % 2 === 0 ? Math.ceil(space / 2) : Math.floor(space / 2);
  return ' '.repeat(left) + text + ' '.repeat(space - left);
}

function cells(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

function toRow(columns: string[], values: string[]): Row {
  return Object.fromEntries(columns.map((column, i) => [column, values[i] ?? '']));
}
