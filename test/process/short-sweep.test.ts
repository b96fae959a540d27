import { afterAll, describe, expect, test } from 'vitest';
import { compileFaultLayer } from '../support/faults/fault-layer.ts';
import { operationsOfRun } from '../support/faults/in-layouts.ts';
import { silences, unreached } from '../support/faults/outcome.ts';
import { Slots } from '../support/faults/slots.ts';
import { Summary } from '../support/faults/summary.ts';
import { sweepOperation } from '../support/faults/sweep.ts';
import { runSeed } from '../support/images/random.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { lacking, needTool } from '../support/runner/machine.ts';
import { shardText } from '../support/runner/rotation.ts';

callsVary();

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultLayer();
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

/** The same as the long sweep (test/faults/sweep.test.ts), at a few points only. */
const OPERATION_NAMES = ['backup, hinted', 'restore, over a file', 'cleanup'];
/** A shard has about 8 faults and 20 power losses. */
const SHARDS = { errno: 256, kill: 256, power: 80 };
const SECONDS = 300;

const operations = operationsOfRun(SHARDS.kill).filter(({ name }) => OPERATION_NAMES.includes(name.replace(', compact', '')));
const summary = new Summary(SHARDS, SEED);
const slots = new Slots(2);
const endAt = performance.now() + SECONDS * 1000;

describe.skipIf(skip)(`some faults${note}`, () => {
  afterAll(() => summary.print());

  test.concurrent.each(operations)(
    `$name leaves a sound store, after faults of ${shardText(SHARDS.errno)} and power losses of ${shardText(SHARDS.power)} [seed ${SEED}; BACKY_TEST_SEED repeats it]`,
    async (operation) => {
      const outcomes = await sweepOperation(operation, { library, shards: SHARDS, seed: SEED, slots, endAt });
      summary.add(outcomes);
      expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
    },
    (SECONDS + 60) * 1000,
  );

  test('strike in every family that is tried', () => {
    expect(silences(summary.outcomes)).toEqual([]);
    expect(unreached(summary.outcomes), 'points that the time did not allow').toBe(0);
  });
});
