import { Names } from './names.ts';
import type { Statement } from './recording.ts';
import type { World } from './world.ts';

/** Expected and actual result of a query, in comparable form. */
export interface Compared {
  expected: string[];
  actual: string[];
}

interface CompareOptions {
  database: string;
  /** The contents are known byte for byte, and so are their checksums. */
  exactChecksums: boolean;
  params: string[];
}

/**
 * Runs a recorded select on this run's database. `rows` are the expected ones: the recorded rows
 * with the listed differences.
 */
export function compareState(world: World, step: Statement, rows: string[][], options: CompareOptions): Compared {
  const found = select(world, step.sql, options);
  const isOrdered = / order by (?!version_uid)/.test(step.sql);
  const actual = isOrdered ? found : sorted(step.columns, found, (uid) => world.names.versions.toRecorded(uid));
  const expected = isOrdered ? rows : sorted(step.columns, rows, (uid) => uid);
  return {
    expected: expected.map((row) => line(step.columns, row, (column, cell) => recordedCell(world, column, cell, options))),
    actual: actual.map((row, i) =>
      line(step.columns, row, (column, cell, at) => actualCell(world, column, cell, expected[i]?.[at], options)),
    ),
  };
}

function select(world: World, sql: string, { database, params }: CompareOptions): string[][] {
  return world.database(database, (db) => {
    const rows = db.prepare(sql).raw().all(params) as unknown[][];
    return rows.map((row) => row.map((cell) => (cell === null ? 'NULL' : String(cell))));
  });
}

/**
 * Sorts by version, then by block id. For queries without an order, and with this one: version uids
 * sort by time only within seven minutes.
 */
function sorted(columns: string[], rows: string[][], recordedUid: (cell: string) => string): string[][] {
  const cell = (row: string[], column: string) => row[columns.indexOf(column)] ?? '';
  const key = (row: string[]) => `${recordedUid(cell(row, 'version_uid'))} ${cell(row, 'id').padStart(12)} ${row.join('|')}`;
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Columns with another name in some queries. */
const ALIASES: Record<string, string> = { c: 'checksum' };

function line(columns: string[], row: string[], show: (column: string, cell: string, at: number) => string): string {
  return row.map((cell, at) => show(ALIASES[columns[at] ?? ''] ?? columns[at] ?? '', cell, at)).join('|');
}

function recordedCell(world: World, column: string, cell: string, { exactChecksums }: CompareOptions): string {
  if (column.startsWith('duration')) return 'N';
  if (column === 'enc_nonce') return withoutNonce(cell);
  const text = exactChecksums ? cell : Names.recordedCell(column, cell);
  return world.recordedDates(text);
}

function actualCell(world: World, column: string, cell: string, recorded: string | undefined, options: CompareOptions): string {
  if (column.startsWith('duration')) return /^\d+$/.test(cell) ? 'N' : cell;
  if (column === 'enc_nonce') return withoutNonce(cell);
  if (options.exactChecksums && column.includes('checksum')) return cell;
  return world.actualDates(world.names.cellToRecorded(column, cell, recorded));
}

/** Nonces are random. They differ wherever wrapped keys do, and those are compared. */
function withoutNonce(cell: string): string {
  return cell.replace(/^[0-9a-f]{32}$/, 'nonce');
}
