import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFaultLayer } from '../support/faults/fault-layer.ts';
import { FAMILIES } from '../support/faults/faults.ts';
import { OPERATIONS } from '../support/faults/operations.ts';
import { Summary } from '../support/faults/summary.ts';
import { type Counted, count, sweep, sweepPower } from '../support/faults/sweep.ts';
import { runSeed } from '../support/random.ts';

/** For all of it; each family of each operation gets an equal share of what is left. BACKY_FAULT_CASE tries those cases alone whose words begin so. */
const SECONDS = Number(process.env.BACKY_FAULT_SECONDS ?? 240);
const ONLY = process.env.BACKY_FAULT_ONLY;
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

const library = await compileFaultLayer();
const operations = OPERATIONS.filter(({ name }) => ONLY === undefined || name === ONLY);
const summary = new Summary(SEED);
const end = performance.now() + SECONDS * 1000;
let left = operations.length * (FAMILIES.length + 1);
afterAll(() => summary.print());

describe.each(operations)('$name', (operation) => {
  let counted: Counted;
  beforeAll(async () => {
    counted = await count(operation, library);
  }, 120_000);
  afterAll(() => counted?.lab.remove());

  test.each(FAMILIES)(
    `leaves a sound store that needs no hand, after each fault: %s [seed ${SEED}]`,
    async (family) => {
      const seconds = share();
      const outcome = await sweep(counted, { family, library, seconds });
      summary.add(operation.name, family, outcome);
      expect(outcome.failures).toEqual([]);
      if (outcome.possible > 0) expect(outcome.tried).toBeGreaterThan(0);
    },
    600_000,
  );

  test(`leaves a sound store that needs no hand, after a power loss [seed ${SEED}]`, async () => {
    const outcome = await sweepPower(counted, { library, seconds: share() });
    summary.add(operation.name, 'power', outcome);
    expect(outcome.failures).toEqual([]);
    expect(outcome.tried).toBeGreaterThan(0);
  }, 600_000);
});

/** Seconds for the next of the tests that are left. */
function share(): number {
  return Math.max(0, (end - performance.now()) / 1000 / left--);
}
