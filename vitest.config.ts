import { configDefaults, defineConfig } from 'vitest/config';

/** Sweeps of faults, and what reads recordings and stores of the original, in a run of their own: `npm test` is to take minutes. */
export const MORE_TESTS = [
  'test/conformance/golden/**/*.test.ts',
  'test/conformance/*stores.test.ts',
  'test/e2e/upgrade-faults.test.ts',
  'test/e2e/backup-rbd-script-faults.test.ts',
  'test/e2e/migrate-encryption.test.ts',
];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...MORE_TESTS],
    // Tests start real processes; more files at once than cores only makes each of them slower.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
