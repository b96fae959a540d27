import { configDefaults, defineConfig } from 'vitest/config';

/**
 * In a run of their own, since `npm test` is to take less than five minutes on two cores: what reads recordings and stores of the original,
 * and what is far from the main path.
 */
export const MORE_TESTS = [
  'test/conformance/golden/**/*.test.ts',
  'test/conformance/*stores.test.ts',
  'test/e2e/upgrade-faults.test.ts',
  'test/e2e/backup-rbd-script-faults.test.ts',
  'test/e2e/backup-due.test.ts',
  'test/e2e/concurrency.test.ts',
  'test/e2e/differences.test.ts',
  'test/e2e/healing.test.ts',
  'test/e2e/hostile.test.ts',
  'test/e2e/json-failures.test.ts',
  'test/e2e/nbd-save.test.ts',
  'test/e2e/permissions.test.ts',
  'test/e2e/properties.test.ts',
  'test/e2e/scrub-oldest.test.ts',
  'test/e2e/status-lines.test.ts',
  'test/e2e/terminal.test.ts',
  'test/e2e/backup-rbd-script.test.ts',
  'test/e2e/migrate-encryption.test.ts',
  'test/e2e/other-settings.test.ts',
  'test/e2e/rekey.test.ts',
  'test/e2e/upgrade.test.ts',
];

/** The long sweeps of faults and of flipped bits: `npm run test:faults`. The short one is in `npm test`. */
export const FAULT_TESTS = ['test/faults/!(short-sweep|server-sweep).test.ts'];

/** The sweep of faults on connections to servers: of `npm run test:services` as well. */
export const SERVER_SWEEP = 'test/faults/server-sweep.test.ts';

/** Tests that need servers: `npm run test:services` starts those and runs these. */
export const SERVICE_TESTS = ['test/services/**/*.test.ts'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...MORE_TESTS, ...FAULT_TESTS, SERVER_SWEEP, ...SERVICE_TESTS],
    // Tests start real processes; more files at once than cores only makes each of them slower.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
