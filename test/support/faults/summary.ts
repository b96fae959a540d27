import { appendFileSync } from 'node:fs';
import { FAMILIES, type Family } from './faults.ts';
import type { Outcome } from './sweep.ts';

/** Adds lines to the file BACKY_FAULT_LOG as they come: the runner shows nothing before the end. */
export function follow(text: string): void {
  const file = process.env.BACKY_FAULT_LOG;
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}

/** Families of faults, and power losses. */
type Column = Family | 'power';
const COLUMNS: readonly Column[] = [...FAMILIES, 'power'];

/** The table of points that a sweep has tried, printed at its end. */
export class Summary {
  readonly #rows = new Map<string, Map<Column, Outcome>>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  add(operation: string, family: Column, outcome: Outcome): void {
    const row = this.#rows.get(operation) ?? new Map<Column, Outcome>();
    row.set(family, outcome);
    this.#rows.set(operation, row);
    follow(`${operation}, ${family}: ${outcome.struck} struck of ${outcome.tried} tried`);
  }

  print(): void {
    process.stdout.write(`\n${this.text()}\n`);
    follow(this.text());
  }

  /** Points whose fault struck, of those that there are, by operation and family. */
  text(): string {
    const lines = [['operation', ...COLUMNS, 'struck', 'failed']];
    for (const [name, row] of this.#rows) {
      const cells = COLUMNS.map((family) => `${row.get(family)?.struck ?? 0}/${row.get(family)?.possible ?? 0}`);
      const outcomes = [...row.values()];
      lines.push([name, ...cells, String(sum(outcomes, (o) => o.struck)), String(sum(outcomes, (o) => o.failures.length))]);
    }
    const all = [...this.#rows.values()].flatMap((row) => [...row.values()]);
    const total = COLUMNS.map((family) => String(sum([...this.#rows.values()], (row) => row.get(family)?.struck ?? 0)));
    lines.push(['all', ...total, String(sum(all, (o) => o.struck)), String(sum(all, (o) => o.failures.length))]);
    const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
    const table = lines.map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    const [possible, tried, struck] = [sum(all, (o) => o.possible), sum(all, (o) => o.tried), sum(all, (o) => o.struck)];
    const head = `Points of faults: tried ${tried} of ${possible}, of which ${struck} struck (seed ${this.#seed}). Struck, of all there are:`;
    return [head, ...table].join('\n');
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Who found what was damaged. */
const FINDERS = ['open', 'restore', 'scrub', 'harmless'] as const;

/** The table of the corruption sweep. */
export class Tally {
  readonly #rows = new Map<string, Map<string, number>>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  add(region: string, finder: (typeof FINDERS)[number]): void {
    const row = this.#rows.get(region) ?? new Map<string, number>();
    row.set(finder, (row.get(finder) ?? 0) + 1);
    this.#rows.set(region, row);
  }

  print(): void {
    const rows = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(
      ([region, row]) => `${region.padEnd(56)}${FINDERS.map((f) => String(row.get(f) ?? 0).padStart(9)).join('')}`,
    );
    const head = `${'region'.padEnd(56)}${FINDERS.map((finder) => finder.padStart(9)).join('')}`;
    const text = `Who found a flipped bit (seed ${this.#seed}):\n${[head, ...lines].join('\n')}`;
    process.stdout.write(`\n${text}\n`);
    follow(text);
  }
}
