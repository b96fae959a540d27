import { writeFileSync } from 'node:fs';
import { FAMILIES, type Family } from './faults.ts';
import type { Outcome } from './sweep.ts';

/** The table of points that a sweep has tried, printed at its end. */
export class Summary {
  readonly #rows = new Map<string, Map<Family, Outcome>>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  add(operation: string, family: Family, outcome: Outcome): void {
    const row = this.#rows.get(operation) ?? new Map<Family, Outcome>();
    row.set(family, outcome);
    this.#rows.set(operation, row);
  }

  print(): void {
    process.stdout.write(`\n${this.text()}\n`);
    const file = process.env.BACKY_FAULT_SUMMARY;
    if (file !== undefined) writeFileSync(file, `${this.text()}\n`);
  }

  /** Points whose fault struck, of those that there are, by operation and family. */
  text(): string {
    const lines = [['operation', ...FAMILIES, 'struck', 'failed']];
    for (const [name, row] of this.#rows) {
      const cells = FAMILIES.map((family) => `${row.get(family)?.struck ?? 0}/${row.get(family)?.possible ?? 0}`);
      const outcomes = [...row.values()];
      lines.push([name, ...cells, String(sum(outcomes, (o) => o.struck)), String(sum(outcomes, (o) => o.failures.length))]);
    }
    const all = [...this.#rows.values()].flatMap((row) => [...row.values()]);
    const total = FAMILIES.map((family) => String(sum([...this.#rows.values()], (row) => row.get(family)?.struck ?? 0)));
    lines.push(['all', ...total, String(sum(all, (o) => o.struck)), String(sum(all, (o) => o.failures.length))]);
    const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
    const table = lines.map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    return [`Points of faults that struck, of all there are (seed ${this.#seed}):`, ...table].join('\n');
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
