import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usedShard } from '../rotation.ts';
import { type Costs, takeVaries } from './spent.ts';
import { allowedCalls, readTable, rowName } from './table.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/** A test process's message to the reporter of the run, one line of JSON. */
export interface Note extends Costs {
  name: string;
  shard: string;
}

/**
 * Reports the costs of a file, and fails the file if its calls of the program exceed its row by
 * more than 30 %.
 */
export function noteCosts(path: string, costs: Costs): void {
  const { BACKY_TEST_PROJECT = '', BACKY_COSTS_NOTES } = process.env;
  if (BACKY_COSTS_NOTES === undefined) return;
  const name = rowName(BACKY_TEST_PROJECT, relative(ROOT, path));
  const [dealt, varies] = [usedShard() ?? 'all', takeVaries()];
  const shard = varies ? 'varies' : dealt;
  appendFileSync(BACKY_COSTS_NOTES, `${JSON.stringify({ name, shard, ...costs } satisfies Note)}\n`);
  if (process.env.BACKY_COSTS === 'write' || process.env.BACKY_LONG_TESTS || varies) return;
  const row = readTable()[name];
  if (row === undefined && process.env.CI) throw new Error(`${name} has no row in test/costs.json. Write it: npm run test:costs`);
  // A shard without an entry has no limit yet.
  const expected = row?.calls[shard] ?? costs.calls;
  if (costs.calls <= allowedCalls(expected)) return;
  throw new Error(
    `${name} calls the program ${costs.calls} times; its row in test/costs.json has ${expected}. Prove it with fewer calls, or change the row: npm run test:costs`,
  );
}
