import { afterAll, expect, test } from 'vitest';
import { compileFaultLayer, isServer } from '../../support/faults/fault-layer.ts';
import { OPERATIONS } from '../../support/faults/operations.ts';
import { silences, unreached } from '../../support/faults/outcome.ts';
import { Slots } from '../../support/faults/slots.ts';
import { Summary } from '../../support/faults/summary.ts';
import { sweepOperation } from '../../support/faults/sweep.ts';
import { runSeed } from '../../support/images/random.ts';
import { callsVary } from '../../support/runner/costs/spent.ts';
import { shardText } from '../../support/runner/rotation.ts';

callsVary();

/** A shard has about 110 of the 12,000 faults. */
const SHARDS = 108;
/** A safety net: no machine needs this long for a shard. For all shards it is set to hours. */
const SECONDS = Number(process.env.BACKY_FAULT_SECONDS ?? 1200);
const ONLY = process.env.BACKY_FAULT_ONLY;
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

/** SQLite files by their nature. */
const OF_FILES = ['upgrade', 'initdb'];
/** No flips: TCP's checksums guard against bytes changed by a network. */
const shards = { errno: SHARDS, short: SHARDS, hang: SHARDS, kill: SHARDS };

const library = await compileFaultLayer();
const operations = OPERATIONS.filter(({ name }) => !OF_FILES.includes(name) && (ONLY === undefined || name === ONLY));
const summary = new Summary(shards, SEED);
const slots = new Slots(2);
const endAt = performance.now() + SECONDS * 1000;
afterAll(() => summary.print());

test.concurrent.each(operations)(
  `$name, on PostgreSQL and S3, leaves a sound store that needs no repair, after each fault of a connection of ${shardText(SHARDS)} [seed ${SEED}]`,
  async (operation) => {
    const outcomes = await sweepOperation(operation, { library, shards, seed: SEED, slots, endAt, isSwept: isServer });
    summary.add(outcomes);
    expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
  },
  (SECONDS + 300) * 1000,
);

test('faults of every family struck', () => {
  expect(silences(summary.outcomes)).toEqual([]);
  expect(unreached(summary.outcomes), 'points that the time did not allow').toBe(0);
});
