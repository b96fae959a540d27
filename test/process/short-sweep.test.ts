import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFaultLayer } from '../support/faults/fault-layer.ts';
import type { Family } from '../support/faults/faults.ts';
import { OPERATIONS } from '../support/faults/operations.ts';
import { type Counted, count, sweep, sweepPower } from '../support/faults/sweep.ts';
import { lacking, needTool } from '../support/machine.ts';
import { runSeed } from '../support/random.ts';

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultLayer();
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

/** What the long sweep (npm run test:faults) does with all of them, at a few points. */
const OPERATION_NAMES = ['backup, hinted', 'restore, over a file', 'cleanup'];
const LOSSES = 13;
const FAMILIES: [Family, number][] = [
  ['errno', 2],
  ['kill', 2],
];

describe.skipIf(skip).each(OPERATIONS.filter(({ name }) => OPERATION_NAMES.includes(name)))(`$name${note}`, (operation) => {
  let counted: Counted;
  beforeAll(async () => {
    counted = await count(operation, library);
  });
  afterAll(() => counted?.lab.remove());

  test.each(FAMILIES)(
    `leaves a sound store after some faults: %s [seed ${SEED}; BACKY_TEST_SEED repeats it]`,
    async (family, limit) => {
      const outcome = await sweep(counted, { family, library, limit });
      expect(outcome.failures).toEqual([]);
      expect(outcome.tried).toBe(limit);
    },
  );

  test(`leaves a sound store after power losses [seed ${SEED}]`, async () => {
    const outcome = await sweepPower(counted, { library, limit: LOSSES });
    expect(outcome.failures).toEqual([]);
    expect(outcome.tried).toBe(LOSSES);
  });
});
