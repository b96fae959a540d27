import { afterAll, beforeAll, test } from 'vitest';
import { runSeed } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { fileMishaps } from '../support/model/mishaps.ts';
import { BLOCK, SLOW } from '../support/model/model-images.ts';
import { AMOUNT, limitMs, runModel } from '../support/model/run-model.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { layoutOf } from '../support/runner/layout-turn.ts';

callsVary();

const SEED = runSeed();
const WORKERS = 5;
const LAYOUT = layoutOf('model on SQLite');

let lab: Lab;
/** The same store by another config file, with a lock_dir of its own, as from a container. */
let other: Lab;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2, layout: LAYOUT });
  const { databasePath, dataPath } = lab;
  other = new Lab({ blockSize: BLOCK, workers: 2, databasePath, dataPath });
  for (const one of [lab, other]) one.configure(SLOW);
});
afterAll(() => {
  for (const one of [lab, other]) one.remove();
});

test(
  `${WORKERS} programs on SQLite, ${LAYOUT}, back up, continue, restore, scrub, remove and clean up, are killed, and lose nothing (seed ${SEED}; BACKY_TEST_SEED repeats it)`,
  async () => {
    const world = {
      labs: Array.from({ length: WORKERS }, (_, worker) => (worker % 2 === 0 ? lab : other)),
      env: () => ({}),
      settled: async () => {},
      mishaps: fileMishaps(),
    };
    const replay = 'npx vitest run --project faults test/faults/model.test.ts';
    await runModel(world, { seed: SEED, amount: AMOUNT, replay });
  },
  limitMs(AMOUNT),
);
