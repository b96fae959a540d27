/** A table as the program prints it: rows of cells by column. */
export type Row = Record<string, string>;

/** Left-aligned columns of docs/spec/command-line.md §3; cells of other columns are centred. */
const LEFT = new Set(['name', 'snapshot_name', 'tags', 'schedulers', 'breach']);
const RIGHT =
  /^(size|size_bytes|(size|bytes|blocks) .*|duration \(s\)|Real|Null|Dedup (Own|Others)|Individual|Est\. Space( freed)?)$/;

/** The lines of a table in the program's output. */
export function tableLines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => /^[+|]/.test(line));
}

/**
 * The output with its only table edited and laid out again (docs/spec/command-line.md §3); columns
 * get no narrower. `columns` are for a table without its header.
 */
export function editTable(stdout: string, edit: (rows: Row[]) => Row[], columns?: string[]): string {
  const { names, rows, widths } = readTable(stdout, columns);
  return lay(names, edit(rows), { header: columns === undefined, widths });
}

/** The rows of the only table in the output. */
export function tableRows(stdout: string): Row[] {
  return readTable(stdout, undefined).rows;
}

function readTable(stdout: string, columns: string[] | undefined): { names: string[]; rows: Row[]; widths: number[] } {
  const [border = '', ...lines] = tableLines(stdout);
  const names = columns ?? cells(lines[0] ?? '').map((name) => name.trim());
  const body = lines.slice(columns === undefined ? 2 : 0, -1);
  const dashes = border.slice(1, -1).split('+');
  return { names, rows: joined(body.map((line) => toRow(names, cells(line)))), widths: dashes.map(({ length }) => length - 2) };
}

/** A table of these columns and rows. */
export function layTable(columns: string[], rows: Row[]): string {
  return lay(columns, rows, { header: true, widths: [] });
}

function lay(columns: string[], rows: Row[], { header, widths: least }: { header: boolean; widths: number[] }): string {
  const shown = header ? [toRow(columns, columns), ...rows] : rows;
  const widths = columns.map((column, i) => Math.max(least[i] ?? 0, ...shown.map((row) => width(row[column] ?? ''))));
  const border = `+${widths.map((dashes) => '-'.repeat(dashes + 2)).join('+')}+`;
  const line = (row: Row) =>
    `|${columns.map((column, i) => ` ${aligned(column, row[column] ?? '', widths[i] ?? 0)} `).join('|')}|`;
  const [first, ...rest] = shown.map(line);
  return [border, ...(first === undefined ? [] : [first]), ...(header ? [border] : []), ...rest, border, ''].join('\n');
}

function aligned(column: string, text: string, columns: number): string {
  const space = columns - width(text);
  if (LEFT.has(column)) return text + ' '.repeat(space);
  if (RIGHT.test(column)) return ' '.repeat(space) + text;
  // An odd space goes to the left of texts of even length, as in the original.
  const left = width(text) % 2 === 0 ? Math.ceil(space / 2) : Math.floor(space / 2);
  return ' '.repeat(left) + text + ' '.repeat(space - left);
}

/** Enough for the letters that were recorded. */
function width(text: string): number {
  const widths = [...text].map((char) => (/\p{M}/u.test(char) ? 0 : /\p{Script=Han}|\p{Emoji_Presentation}/u.test(char) ? 2 : 1));
  return widths.reduce<number>((sum, one) => sum + one, 0);
}

/** A blank beside each `|` tells borders of cells from a `|` in a name. */
function cells(line: string): string[] {
  return line.slice(2, -2).split(' | ');
}

function toRow(columns: string[], values: string[]): Row {
  const trimmed = (column: string, text = '') => (LEFT.has(column) ? text.trimEnd() : text.trim());
  return Object.fromEntries(columns.map((column, i) => [column, trimmed(column, values[i])]));
}

/**
 * The original breaks a line where a name has a line feed: the lines after the first contain only
 * the name.
 */
function joined(rows: Row[]): Row[] {
  const whole: Row[] = [];
  for (const row of rows) {
    const { name = '', ...others } = row;
    const last = whole.at(-1);
    if (last !== undefined && Object.values(others).every((cell) => cell === '')) last.name = `${last.name}\n${name}`;
    else whole.push(row);
  }
  return whole;
}
