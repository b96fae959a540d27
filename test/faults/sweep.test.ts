import { afterAll, expect, test } from 'vitest';
import { compileFaultLayer } from '../support/faults/fault-layer.ts';
import { OPERATIONS } from '../support/faults/operations.ts';
import { silences, unreached } from '../support/faults/outcome.ts';
import { Slots } from '../support/faults/slots.ts';
import { Summary } from '../support/faults/summary.ts';
import { sweepOperation } from '../support/faults/sweep.ts';
import { runSeed } from '../support/images/random.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { shardText } from '../support/runner/rotation.ts';

callsVary();

/** A shard has about 500 faults and 300 power losses, which take a minute on two cores. */
const SHARDS = 24;
/** A safety net: no machine needs this long for a shard. For all shards it is set to hours. */
const SECONDS = Number(process.env.BACKY_FAULT_SECONDS ?? 1200);
const ONLY = process.env.BACKY_FAULT_ONLY;
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

const shards = { errno: SHARDS, short: SHARDS, hang: SHARDS, flip: SHARDS, kill: SHARDS, power: SHARDS };
const library = await compileFaultLayer();
const operations = OPERATIONS.filter(({ name }) => ONLY === undefined || name === ONLY);
const summary = new Summary(shards, SEED);
const slots = new Slots(2);
const endAt = performance.now() + SECONDS * 1000;
afterAll(() => summary.print());

test.concurrent.each(operations)(
  `$name leaves a sound store that needs no repair, after each fault and power loss of ${shardText(SHARDS)} [seed ${SEED}]`,
  async (operation) => {
    const outcomes = await sweepOperation(operation, { library, shards, seed: SEED, slots, endAt });
    summary.add(outcomes);
    expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
  },
  (SECONDS + 300) * 1000,
);

test('faults of every family struck', () => {
  expect(silences(summary.outcomes)).toEqual([]);
  expect(unreached(summary.outcomes), 'points that the time did not allow').toBe(0);
});
