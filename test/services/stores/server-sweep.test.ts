import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFaultLayer, isServer } from '../../support/faults/fault-layer.ts';
import { FAMILIES } from '../../support/faults/faults.ts';
import { OPERATIONS } from '../../support/faults/operations.ts';
import { Summary } from '../../support/faults/summary.ts';
import { type Counted, count, sweep } from '../../support/faults/sweep.ts';
import { runSeed } from '../../support/random.ts';

/** Cases of each family for each operation: there are hundreds of each, of which each run takes others. */
const CASES = Number(process.env.BACKY_SERVER_FAULT_CASES ?? 1);
const ONLY = process.env.BACKY_FAULT_ONLY;
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

/** Of SQLite files by their nature. */
const OF_FILES = ['upgrade', 'initdb'];
/** Bytes that a network has changed are what the checksums of TCP are for. */
const families = FAMILIES.filter((family) => family !== 'flip');

const library = await compileFaultLayer();
const operations = OPERATIONS.filter(({ name }) => !OF_FILES.includes(name) && (ONLY === undefined || name === ONLY));
const summary = new Summary(SEED);
afterAll(() => summary.print());

describe.each(operations)('$name, on PostgreSQL and S3', (operation) => {
  let counted: Counted;
  beforeAll(async () => {
    const all = await count(operation, library);
    counted = { ...all, calls: all.calls.filter(({ place }) => isServer(place)) };
  });
  afterAll(() => counted?.lab.remove());

  test.each(families)(
    `leaves a sound store that needs no hand, after faults of a connection: %s [seed ${SEED}]`,
    async (family) => {
      const outcome = await sweep(counted, { family, library, limit: CASES });
      summary.add(operation.name, family, outcome);
      expect(outcome.failures).toEqual([]);
      expect(outcome.tried).toBe(CASES);
    },
  );
});
