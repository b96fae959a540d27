import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Costs } from './spent.ts';

/** The committed table: what each test file costs, by project and file. */
const TABLE = fileURLToPath(new URL('../../../costs.json', import.meta.url));

/** A file's row. Calls differ from shard to shard where a file rotates. */
export interface Row {
  /** Calls of the program by shard (`1/3`), or `all`. */
  calls: Record<string, number>;
  starts: number;
  cpuSeconds: number;
}

export type Table = Record<string, Row>;

/** A file of a project, as the table names it. */
export function rowName(project: string, file: string): string {
  return `${project} ${file}`;
}

export function readTable(): Table {
  return existsSync(TABLE) ? (JSON.parse(readFileSync(TABLE, 'utf8')) as Table) : {};
}

/** Writes the table, in the order of names. Rows of files that are gone are left out by the caller. */
export function writeTable(table: Table): void {
  const rows = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = rows.map(([name, row]) => `  ${JSON.stringify(name)}: ${JSON.stringify(row)}`);
  writeFileSync(TABLE, `{\n${lines.join(',\n')}\n}\n`);
}

/** More calls than these are too many for a file whose row has so many: 30 %, and two that a small file may always have. */
export function allowedCalls(calls: number): number {
  return Math.max(Math.floor(calls * 1.3), calls + 2);
}

/** A row with what a run has seen of it. */
export function updated(row: Row | undefined, shard: string, { calls, starts, cpuSeconds }: Costs): Row {
  return { calls: { ...row?.calls, [shard]: calls }, starts, cpuSeconds: Number(cpuSeconds.toFixed(1)) };
}
