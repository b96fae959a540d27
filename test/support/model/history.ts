import { appendFileSync } from 'node:fs';
import { KINDS, type Kind } from './plan.ts';
import type { End } from './refusals.ts';

/** Counts of ends, by kind of operation. */
type Counts = Record<Kind, Record<End, number>>;

/** Records the operations of each worker, and counts them. */
export class History {
  readonly counts = Object.fromEntries(KINDS.map((kind) => [kind, { done: 0, refused: 0, killed: 0, stopped: 0 }])) as Counts;
  readonly #lines: string[][];
  readonly #start = performance.now();

  constructor(workers: number) {
    this.#lines = Array.from({ length: workers }, () => []);
  }

  /** Seconds since the beginning. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  count(end: End): number {
    return KINDS.reduce((sum, kind) => sum + this.counts[kind][end], 0);
  }

  get operations(): number {
    return this.count('done') + this.count('refused') + this.count('killed') + this.count('stopped');
  }

  /** Records an operation of a worker. BACKY_MODEL_LOG names a file to follow. */
  note(worker: number, text: string): void {
    const line = `${this.seconds.toFixed(2).padStart(7)}  worker ${worker}  ${text}`;
    this.#lines[worker]?.push(line);
    const file = process.env.BACKY_MODEL_LOG;
    if (file !== undefined) appendFileSync(file, `${line}\n`);
  }

  /** The operations of each worker, worker after worker. */
  byWorker(): string {
    return this.#lines.map((lines) => lines.join('\n')).join('\n\n');
  }

  table(): string {
    const rows = [['operation', 'done', 'refused', 'killed', 'stopped']];
    for (const kind of KINDS) {
      const { done, refused, killed, stopped } = this.counts[kind];
      rows.push([kind, ...[done, refused, killed, stopped].map(String)]);
    }
    rows.push(['all', ...(['done', 'refused', 'killed', 'stopped'] as const).map((end) => String(this.count(end)))]);
    return rows.map((row) => row.map((cell, n) => (n === 0 ? cell.padEnd(14) : cell.padStart(9))).join('')).join('\n');
  }
}
