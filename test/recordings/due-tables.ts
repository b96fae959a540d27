import { editTable, layTable, type Row, tableLines, tableRows } from './table.ts';

/**
 * The output of `due` and `sla`, made from the recorded one where differences.ts lists a
 * difference.
 */

/**
 * Due times of the scheduler daily, as calls 15 and 31 of 19-due-sla print them; other names have
 * none.
 */
const DAILY_SINCE: Record<string, string> = { latestold: '2026-11-22 15:48:22', edge2: '2026-11-23 04:43:22' };
const NEVER = '1970-01-01 00:00:00';

/** A table of daily and weekly backups with the daily ones alone. */
export function dailyAlone(stdout: string): string {
  const columns = (tableLines(stdout)[1] ?? '').slice(2, -2).split(' | ');
  return layTable(
    columns.map((column) => column.trim()),
    dailyRows(tableRows(stdout)),
  );
}

/** The same for `-m` without header. */
export function dailyLines(stdout: string): string {
  const rows = stdout.trimEnd().split('\n').map(fromLine);
  return dailyRows(rows)
    .map((row) => `${toLine(row)}\n`)
    .join('');
}

/** The table when nothing is due. */
export function noneDue(): string {
  return layTable(COLUMNS, []);
}

/** A table with the schedulers as given to `-s`, and the names in order. All are due since 1970. */
export function asAsked(stdout: string): string {
  const order = (row: Row) => ({ ...row, schedulers: (row.schedulers ?? '').replace('daily,hourly', 'hourly,daily') });
  return sortedByName(editTable(stdout, (rows) => rows.map(order)));
}

/** A table sorted by name; the rows of a name keep their order. */
export function sortedByName(stdout: string): string {
  const lines = tableLines(stdout);
  const rows = lines.filter((line) => isRow(line)).sort((a, b) => compare(nameOf(a), nameOf(b)));
  return lines.map((line) => (isRow(line) ? (rows.shift() ?? '') : line)).join('\n');
}

/** The breaches of a table, without their names. */
export function breachesAlone(stdout: string): string {
  let breaches: string[] = [];
  editTable(stdout, (rows) => {
    breaches = rows.map((row) => row.breach ?? '');
    return rows;
  });
  return layTable(
    ['breach'],
    breaches.map((breach) => ({ breach })),
  );
}

/** A table with versions allowed half a day later, because the interval is that much longer. */
export function halfADayLater(stdout: string): string {
  return stdout.replaceAll(/(?<=between .*)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, (date) => {
    const later = new Date(Date.parse(`${date.replace(' ', 'T')}Z`) + HALF_A_DAY_MS);
    return later.toISOString().slice(0, 19).replace('T', ' ');
  });
}

const HALF_A_DAY_MS = 12 * 3600 * 1000;
const COLUMNS = ['name', 'schedulers', 'expire_date', 'due_since'];

/** A weekly backup is kept for 14 days, a daily one for 3. */
function dailyRows(rows: Row[]): Row[] {
  const daily = rows.filter((row) => row.schedulers?.includes('daily'));
  const changed = daily.map((row) => ({
    ...row,
    schedulers: 'daily',
    expire_date: (row.expire_date ?? '').replace('2026-12-07', '2026-11-26'),
    due_since: DAILY_SINCE[row.name ?? ''] ?? NEVER,
  }));
  return changed.sort((a, b) => compare(a.due_since, b.due_since));
}

function fromLine(line: string): Row {
  const cells = line.split('|');
  return Object.fromEntries(COLUMNS.map((column, i) => [column, cells[i] ?? '']));
}

function toLine(row: Row): string {
  return COLUMNS.map((column) => row[column] ?? '').join('|');
}

function isRow(line: string): boolean {
  return line.startsWith('|') && !line.startsWith('| name ');
}

function nameOf(line: string): string {
  return line.split('|')[1]?.trim() ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
