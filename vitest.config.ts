import { configDefaults, defineConfig } from 'vitest/config';

/**
 * In a run of their own, since `npm test` is to take less than five minutes on two cores: what reads recordings and stores of the original,
 * and what is far from the main path.
 */
export const MORE_TESTS = [
  'test/recordings/**/*.test.ts',
  'test/process/upgrade-faults.test.ts',
  'test/process/backup-rbd-script-faults.test.ts',
  'test/process/backup-due.test.ts',
  'test/process/concurrency.test.ts',
  'test/process/differences.test.ts',
  'test/cli/healing.test.ts',
  'test/process/hostile.test.ts',
  'test/process/json-failures.test.ts',
  'test/process/nbd-save.test.ts',
  'test/process/permissions.test.ts',
  'test/cli/properties.test.ts',
  'test/process/scrub-oldest.test.ts',
  'test/process/status-lines.test.ts',
  'test/process/terminal.test.ts',
  'test/process/backup-rbd-script.test.ts',
  'test/process/migrate-encryption.test.ts',
  'test/process/other-settings.test.ts',
  'test/process/rekey.test.ts',
  'test/cli/upgrade.test.ts',
];

/** The long sweeps of faults and of flipped bits: `npm run test:faults`. The short one is in `npm test`. */
export const FAULT_TESTS = ['test/faults/*.test.ts'];

/** The sweep of faults on connections to servers: of `npm run test:services` as well. */
export const SERVER_SWEEP = 'test/services/stores/server-sweep.test.ts';

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
