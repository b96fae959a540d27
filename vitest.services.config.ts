import { configDefaults, defineConfig } from 'vitest/config';
import config, { SERVER_SWEEP, SERVICE_TESTS } from './vitest.config.ts';

/**
 * The end-to-end tests of backing up, restoring and all that goes with it, which run once more with labs on PostgreSQL and S3. What of them is about
 * SQLite or files by its nature says so itself (test/support/stores/files-only.ts). Left out as a whole:
 * - full-disk, permissions: of the folders of blobs and of the SQLite file;
 * - upgrade, upgrade-faults: of SQLite databases; those of PostgreSQL are in test/services;
 * - sizes: how images are cut into blocks and which of these are stored, which is decided before any store is asked; images and properties are run;
 * - check-storage: what it says of a folder of blobs; what it says of a bucket is in test/services;
 * - nbd-negotiation, nbd-readers, nbd-healing: of the protocol; of the cache; of rows that are read again, which the conformance suites hold both databases to;
 * - what neither reads nor writes a store in a way of its own: words, help, completion, terminal, logfile, JSON forms, scheduler's calendars, sources,
 *   rbd scripts.
 */
export const STORE_TESTS = [
  'broken-imports',
  'commands',
  'concurrency',
  'damaged-blobs',
  'diff-meta',
  'differences',
  'du',
  'encryption',
  'images',
  'kill',
  'meanwhile',
  'migrate-encryption',
  'nbd',
  'nbd-save',
  'other-settings',
  'properties',
  'rekey',
  'signals',
  'stats',
  'transfer',
  'unknown-version',
  'written-rows',
].map((name) => `test/{cli,process}/${name}.test.ts`);
const STORE_ITSELF = 'test/cli/lab-store.test.ts';

/** Clients of the system on images that are open: what depends on where versions are kept. A mountpoint or a boot does not. */
const STORE_CLIENT_TESTS = ['fuse', 'nbd-clients'].map((name) => `test/services/${name}.test.ts`);

const shared = { ...config.test, exclude: configDefaults.exclude };
/** What moves blocks goes to servers in processes of their own, on the same cores. */
const patience = { testTimeout: 300_000, hookTimeout: 300_000 };

/** `npm run test:services`: tests against real servers, which it starts itself (test/services), once for both projects. */
export default defineConfig({
  test: {
    globalSetup: 'test/services/global-setup.ts',
    maxWorkers: 3,
    projects: [
      { test: { ...shared, name: 'services', include: SERVICE_TESTS, exclude: [...configDefaults.exclude, SERVER_SWEEP] } },
      // Never the long forms: those are run on SQLite and files, and a call of the program takes three times as long here.
      {
        test: {
          ...shared,
          ...patience,
          name: 'stores',
          include: [...STORE_TESTS, ...STORE_CLIENT_TESTS, STORE_ITSELF, SERVER_SWEEP],
          env: { BACKY_TEST_STORE: 'servers', BACKY_LONG_TESTS: '' },
        },
      },
    ],
  },
});
