import { appendFileSync } from 'node:fs';
import { shardText } from '../runner/rotation.ts';
import { COLUMNS, type Column, type Outcome, type Shards, sum } from './outcome.ts';
import { IN_THREADS } from './ready-stores.ts';

/** Appends lines to the file BACKY_FAULT_LOG at once; the runner prints nothing before the end. */
export function follow(text: string): void {
  const file = process.env.BACKY_FAULT_LOG;
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}

/** The table of points that a sweep has tried, printed at its end. */
export class Summary {
  readonly #outcomes: Outcome[] = [];
  readonly #shards: Shards;
  readonly #seed: number;

  constructor(shards: Shards, seed: number) {
    this.#shards = shards;
    this.#seed = seed;
  }

  get outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  add(outcomes: readonly Outcome[]): void {
    this.#outcomes.push(...outcomes);
    for (const { operation, family, struck, tried } of outcomes) {
      follow(`${operation}, ${family}: ${struck} struck of ${tried} tried`);
    }
  }

  print(): void {
    process.stdout.write(`\n${this.text()}\n`);
    follow(this.text());
  }

  /**
   * A line for each number of shards; then points that struck, were tried, and exist, by operation
   * and family.
   */
  text(): string {
    const swept = COLUMNS.filter((family) => this.#shards[family] !== undefined);
    const names = [...new Set(this.#outcomes.map(({ operation }) => operation))];
    const lines = [
      ['operation', ...swept, 'failed'],
      ...names.map((name) => [name, ...this.#cells(swept, (one) => one.operation === name)]),
      ['all', ...this.#cells(swept, () => true)],
    ];
    const widths = swept.map((_, column) => Math.max(...lines.map((line) => line[column + 1]?.length ?? 0)));
    const nameWidth = Math.max(...lines.map(([name = '']) => name.length));
    const table = lines.map(([name = '', ...cells]) =>
      [name.padEnd(nameWidth), ...cells.map((cell, column) => cell.padStart(widths[column] ?? 0))].join('  ').trimEnd(),
    );
    return [...this.#shardLines(swept), 'Struck/tried/all there are:', ...table].join('\n');
  }

  #cells(swept: readonly Column[], isOf: (outcome: Outcome) => boolean): string[] {
    const own = this.#outcomes.filter(isOf);
    const cells = swept.map((column) => {
      const some = own.filter(({ family }) => family === column);
      return `${sum(some, 'struck')}/${sum(some, 'tried')}/${sum(some, 'possible')}`;
    });
    return [...cells, String(own.flatMap(({ failures }) => failures).length)];
  }

  #shardLines(swept: readonly Column[]): string[] {
    return [...new Set(swept.map((family) => this.#shards[family] ?? 1))].map((shards) => {
      const families = swept.filter((family) => this.#shards[family] === shards);
      const some = this.#outcomes.filter(({ family }) => families.includes(family));
      const [tried, struck, possible] = [sum(some, 'tried'), sum(some, 'struck'), sum(some, 'possible')];
      const counts = `${tried} tried, ${struck} struck, ${sum(some, 'dealt') - tried} not reached, of ${possible}`;
      return `Points of faults (${families.join(', ')}), ${shardText(shards)}, ${IN_THREADS ? 'in threads' : 'without threads'}: ${counts} (seed ${this.#seed})`;
    });
  }
}

/** Who found the damage. */
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
