import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { SERVICE_FILES } from './test/services/stories.ts';
import { CostsReporter } from './test/support/runner/costs/reporter.ts';
import { LongestFirst } from './test/support/runner/costs/sequencer.ts';
import { ROTATION } from './test/support/runner/rotation.ts';
import { STORE_FILES } from './test/support/stores/files.ts';

// Computed once, for all processes of the run.
process.env.BACKY_TEST_ROTATION = String(ROTATION);

/** For a machine that is busy, or that servers run on. */
const PATIENCE = { testTimeout: 300_000, hookTimeout: 300_000 };

/** Options of each kind of tests; its folder has the same name (docs/testing.md). */
const KINDS = {
  /** Pure code and real files: starts no process. */
  unit: {},
  /** The program, resident: no start per call. */
  cli: {},
  /** The program as a process of its own: signals, terminals, pipes, several at once. */
  process: {},
  /** Slow tests of both kinds: not in `npm test`. */
  long: PATIENCE,
  /** Replays of the original, and stores that it wrote. */
  recordings: {},
  /** The packages, in a Debian without Node.js. */
  packages: { testTimeout: 600_000, hookTimeout: 1_500_000 },
  /** Failing system calls, power losses, flipped bits, models. */
  faults: { testTimeout: 600_000, hookTimeout: 300_000 },
} as const;

const shared = {
  setupFiles: ['test/support/runner/setup.ts', 'test/support/runner/fast-check-seed.ts'],
  exclude: configDefaults.exclude,
  // Files of a kind share processes: each would load the tests' modules and a host of the program.
  isolate: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Generous, for busy machines: Vitest would give up after a second.
  expect: { poll: { timeout: 40_000, interval: 10 } },
};

const projects: TestProjectConfiguration[] = [
  ...Object.entries(KINDS).map(([name, options]) => ({
    test: { ...shared, ...options, name, include: [`test/${name}/**/*.test.ts`], env: { BACKY_TEST_PROJECT: name } },
  })),
  {
    test: {
      ...shared,
      ...PATIENCE,
      name: 'services',
      include: SERVICE_FILES.include,
      exclude: [...configDefaults.exclude, ...SERVICE_FILES.exclude],
      globalSetup: 'test/services/global-setup.ts',
      env: { BACKY_TEST_PROJECT: 'services' },
    },
  },
  {
    // Tests that move blocks, once more with labs on PostgreSQL and S3; never in their long form.
    test: {
      ...shared,
      ...PATIENCE,
      name: 'stores',
      include: STORE_FILES,
      globalSetup: 'test/services/global-setup.ts',
      env: { BACKY_TEST_PROJECT: 'stores', BACKY_TEST_STORE: 'servers', BACKY_LONG_TESTS: '' },
    },
  },
];

export default defineConfig({
  test: {
    projects,
    // Tests wait for disks, clocks and each other: one more file than cores uses the waiting time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new CostsReporter(), ...report(process.env.BACKY_TEST_REPORT)],
  },
});

/** A JSON report, so that a script can add up several runs. */
function report(outputFile: string | undefined): ['json', { outputFile: string }][] {
  return outputFile === undefined ? [] : [['json', { outputFile }]];
}
