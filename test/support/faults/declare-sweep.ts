import { afterAll, expect, test } from 'vitest';
import { runSeed } from '../images/random.ts';
import { callsVary } from '../runner/costs/spent.ts';
import { compileFaultLayer, type Place } from './fault-layer.ts';
import { IN_LAYOUTS, operationsOfRun } from './in-layouts.ts';
import { type Shards, silences, unreached } from './outcome.ts';
import { Slots } from './slots.ts';
import { Summary } from './summary.ts';
import { sweepOperation } from './sweep.ts';

/** Which points a test file sweeps. */
interface SweepPlan {
  /** `$name` stands for the operation. */
  title: string;
  shards: Shards;
  /** Number of runs that cover all points in one layout of the database. */
  runs: number;
  /** Operations that are not swept. */
  without?: readonly string[];
  /** Places whose calls fail; all when absent. */
  isSwept?(place: Place): boolean;
}

/** Safety net: no machine needs this long for a shard. For all shards it is set to hours. */
const SECONDS = Number(process.env.BACKY_FAULT_SECONDS ?? 1200);
const ONLY = process.env.BACKY_FAULT_ONLY;

/** Declares a test for each operation, and one that the faults struck. */
export async function declareSweep({ title, shards, runs, without = [], isSwept }: SweepPlan): Promise<void> {
  callsVary();
  const seed = runSeed();
  process.env.BACKY_TEST_SEED = String(seed);
  const library = await compileFaultLayer();
  const operations =
    ONLY === undefined
      ? operationsOfRun(runs).filter((operation) => !without.some((name) => operation.name.startsWith(name)))
      : IN_LAYOUTS.filter(({ name }) => name === ONLY);
  const summary = new Summary(shards, seed);
  const slots = new Slots(2);
  const endAt = performance.now() + SECONDS * 1000;
  const sweep = { library, shards, seed, slots, endAt, ...(isSwept === undefined ? {} : { isSwept }) };
  afterAll(() => summary.print());

  test.concurrent.each(operations)(
    `${title} [seed ${seed}]`,
    async (operation) => {
      const outcomes = await sweepOperation(operation, sweep);
      summary.add(outcomes);
      expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
    },
    (SECONDS + 300) * 1000,
  );

  test('faults of every family struck', () => {
    expect(silences(summary.outcomes)).toEqual([]);
    expect(unreached(summary.outcomes), 'points that the time did not allow').toBe(0);
  });
}
