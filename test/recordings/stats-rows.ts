import { editTable, type Row } from './table.ts';

export const STATS_COLUMNS = [
  ...['date', 'uid', 'name', 'size bytes', 'size blocks', 'bytes read', 'blocks read', 'bytes written', 'blocks written'],
  ...['bytes dedup', 'blocks dedup', 'bytes sparse', 'blocks sparse', 'duration (s)'],
];
const MACHINE_ROW = /^([\d: -]{19})\|([0-9a-f-]{36})\|(.*?)((?:\|[^|\n]+){11})$/gms;
const BLOCK = 4096;

/** Edits the rows of `stats` output with all columns: a table with or without header, or `-m`. */
export function editStats(stdout: string, edit: (row: Row) => Row): string {
  const isTable = /^\+/m.test(stdout);
  if (isTable) return editTable(stdout, (rows) => rows.map(edit), /^\| +date/m.test(stdout) ? undefined : STATS_COLUMNS);
  return stdout.replaceAll(MACHINE_ROW, (_, date: string, uid: string, name: string, numbers: string) => {
    const values = [date, uid, name, ...numbers.slice(1).split('|')];
    const row = edit(Object.fromEntries(STATS_COLUMNS.map((column, i) => [column, values[i] ?? ''])));
    return STATS_COLUMNS.map((column) => row[column]).join('|');
  });
}

/**
 * Counts the blocks that the original forgot: found by checksum, except for some all-zero blocks
 * per name. If all blocks were forgotten, their bytes are written like the image's size, possibly
 * with a unit.
 */
export function countedOnce(zeros: Record<string, number> = {}) {
  return (stdout: string): string =>
    editStats(stdout, (row) => {
      const blocks = (name: string) => Number(row[`blocks ${name}`]);
      const forgotten = Number(row['size blocks']) - blocks('written') - blocks('dedup') - blocks('sparse');
      const sparse = zeros[row.name ?? ''] ?? 0;
      if (forgotten === 0) return row;
      if (forgotten === Number(row['size blocks']) && (sparse === 0 || sparse === forgotten))
        return withCount(row, sparse === 0 ? 'dedup' : 'sparse', [row['size bytes'] ?? '', forgotten]);
      const bytes = (name: string) => Number(row[`bytes ${name}`]);
      const forgottenBytes = Number(row['size bytes']) - bytes('written') - bytes('dedup') - bytes('sparse');
      const dedup = forgotten - sparse;
      const found = withCount(row, 'dedup', [bytes('dedup') + forgottenBytes - sparse * BLOCK, blocks('dedup') + dedup]);
      return withCount(found, 'sparse', [bytes('sparse') + sparse * BLOCK, blocks('sparse') + sparse]);
    });
}

function withCount(row: Row, what: 'dedup' | 'sparse', [bytes, blocks]: [string | number, number]): Row {
  return { ...row, [`bytes ${what}`]: String(bytes), [`blocks ${what}`]: String(blocks) };
}

/** Hides the seconds that backups took, the last column of `stats`. */
export function withoutDurations(argv: string[], stdout: string): string {
  const at = argv.findIndex((word) => word === '-f' || word === '--fields');
  const isLast = argv.includes('stats') && (at < 0 || argv[at + 1]?.endsWith('duration (s)'));
  if (!isLast) return stdout;
  return stdout
    .replaceAll(/\| +\d+ \|$/gm, '| N |')
    .replaceAll(/\+-+\+$/gm, '+-+')
    .replaceAll(/\|\d+$/gm, '|N');
}
