import { MORE_SHARDS } from '../../services/stories.ts';
import { isTurn } from '../runner/rotation.ts';

/**
 * Tests of the program that run once more with labs on PostgreSQL and S3. What of them is about SQLite or files by its nature says so
 * itself (files-only.ts). Left out as a whole:
 * - full-disk, permissions: of the folders of blobs and of the SQLite file;
 * - upgrade, upgrade-faults: of SQLite databases; those of PostgreSQL are in test/services;
 * - check-storage: what it says of a folder of blobs; what it says of a bucket is in test/services;
 * - nbd-negotiation, nbd-readers, nbd-healing: of the protocol; of the cache; of rows that are read again, to which the conformance suites
 *   hold both databases;
 * - what neither reads nor writes a store in a way of its own: words, help, completion, terminal, logfile, JSON forms, the schedulers'
 *   calendars, sources, rbd scripts.
 * Dearest first, so that shards come out alike.
 */
const ROTATING = [
  'process/kill',
  'long/concurrency',
  'long/migrate-encryption',
  'long/properties',
  'process/meanwhile',
  'process/nbd',
  'process/signals',
  'process/encryption',
  'long/differences',
  'cli/damaged-blobs',
  'process/images',
  'long/rekey',
  'cli/commands',
  'long/nbd-save',
  'long/other-settings',
  'process/du',
  'process/diff-meta',
  'process/transfer',
  'process/broken-imports',
  'cli/stats',
  'cli/wrong-ids',
  'cli/unknown-version',
  'cli/written-rows',
  'services/fuse',
  'services/nbd-clients',
];

/** Of the stores of labs themselves, and of faults on connections: always. */
const ALWAYS = ['cli/lab-store', 'services/stores/server-sweep'];

/** How many runs cover them all. */
export const STORE_SHARDS = 3;

/** Test files of this run with labs on servers. */
export const STORE_FILES = [...(MORE_SHARDS ? [] : ALWAYS), ...ROTATING.filter((_, index) => isTurn(index, STORE_SHARDS))].map(
  (name) => `test/${name}.test.ts`,
);
