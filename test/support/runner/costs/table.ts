import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Costs } from './spent.ts';

/** The committed table: the costs of each test file, by project and file. */
const TABLE = fileURLToPath(new URL('../../../costs.json', import.meta.url));

/** A file's row. Calls differ by shard if the file rotates. */
export interface Row {
  /** Calls of the program by shard (`1/3`), or `all`. */
  calls: Record<string, number>;
  starts: number;
  cpuSeconds: number;
}

export type Table = Record<string, Row>;

/** The key of a project's file in the table. */
export function rowName(project: string, file: string): string {
  return `${project} ${file}`;
}

export function readTable(): Table {
  return existsSync(TABLE) ? (JSON.parse(readFileSync(TABLE, 'utf8')) as Table) : {};
}

/** Writes the table, sorted by name. The caller leaves out rows of removed files. */
export function writeTable(table: Table): void {
  const rows = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = rows.map(([name, row]) => `  ${JSON.stringify(name)}: ${JSON.stringify(row)}`);
  writeFileSync(TABLE, `{\n${lines.join(',\n')}\n}\n`);
}

/**
 * The limit for a file with this many calls in its row: 30 % more, and two more for small files.
 */
export function allowedCalls(calls: number): number {
  return Math.max(Math.floor(calls * 1.3), calls + 2);
}

/** A row updated with the results of a run. */
export function updated(row: Row | undefined, shard: string, { calls, starts, cpuSeconds }: Costs): Row {
  return { calls: { ...row?.calls, [shard]: calls }, starts, cpuSeconds: Number(cpuSeconds.toFixed(1)) };
}
