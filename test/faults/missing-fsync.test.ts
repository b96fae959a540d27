import { describe, expect, test } from 'vitest';
import { compileFaultLayer, type Place } from '../support/faults/fault-layer.ts';
import { OPERATIONS } from '../support/faults/operations.ts';
import type { Record } from '../support/faults/power-loss.ts';
import { sweepPower } from '../support/faults/power-sweep.ts';
import { count } from '../support/faults/sweep.ts';
import { runSeed } from '../support/images/random.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultLayer();
const SEED = runSeed();
process.env.BACKY_TEST_SEED = String(SEED);

/** The power-loss sweeps prove something only if they notice a program that forgets an fsync. */
const FORGOTTEN: [what: string, operation: string, place: Place][] = [
  ['blobs', 'backup', 'data/.tmp'],
  ['folders of blobs', 'backup', 'data'],
  ['the database', 'backup', 'backy.sqlite'],
  ['a new target', 'restore', 'target'],
  ['the folder of a new target', 'restore', 'other'],
  ['an export', 'export', 'export'],
  ['the folder of an export', 'export', 'other'],
];

/** Takes out the fsyncs of files that bypassed the page cache. */
function forgetDirect(records: readonly Record[]): readonly Record[] {
  const direct = new Set(records.filter(({ type }) => type === 'o').map(({ inode }) => inode));
  expect(direct.size, 'files that bypassed the page cache').toBeGreaterThan(0);
  return records.filter(({ type, inode }) => type !== 's' || !direct.has(inode));
}

describe.skipIf(skip)(`a power loss after a backup, restore or export that forgets an fsync${note}`, () => {
  test.each([
    ...FORGOTTEN.map(([what, operation, without]) => [what, operation, { without }] as const),
    ['blobs that bypass the page cache', 'backup', { forget: forgetDirect }] as const,
    // The first state is the one after the end, which must have all that was reported as done.
    ['a target that bypasses the page cache', 'restore, over a file', { forget: forgetDirect, limit: 1 }] as const,
  ])(
    `is detected: %s [seed ${SEED}; BACKY_TEST_SEED repeats it]`,
    async (_, name, how) => {
      const operation = OPERATIONS.find((one) => one.name === name);
      if (operation === undefined) throw new Error(`there is no operation ${name}`);
      const counted = await count(operation, library);
      try {
        const { failures } = await sweepPower(counted, { library, points: { shards: 1, seed: SEED }, limit: 30, ...how });
        expect(failures.length).toBeGreaterThan(0);
      } finally {
        counted.lab.remove();
      }
    },
    300_000,
  );
});
