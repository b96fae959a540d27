import { MORE_SHARDS } from '../../services/stories.ts';
import { isTurn } from '../runner/rotation.ts';

/**
 * Tests of the program that run once more with labs on PostgreSQL and S3. Tests in them that are
 * about SQLite or files by nature say so (files-only.ts). Whole files left out:
 * - full-disk, permissions: folders of blobs and the SQLite file.
 * - upgrade, upgrade-faults: SQLite databases; test/services has those of PostgreSQL.
 * - check-storage: folders of blobs; test/services has buckets.
 * - nbd-negotiation, nbd-readers, nbd-healing: the protocol, the cache, and rows that are read
 *   again. Conformance suites check the latter for both databases.
 * - All that neither reads nor writes a store in a way of its own: words, help, completion,
 *   terminal, logfile, JSON forms, the schedulers' calendars, sources, rbd scripts.
 * The most expensive come first, so that shards have equal costs.
 */
const ROTATING = [
  'long/kill',
  'long/concurrency',
  'long/migrate-encryption',
  'long/properties',
  'long/meanwhile',
  'process/nbd',
  'process/signals',
  'process/encryption',
  'long/differences',
  'cli/damaged-blobs',
  'long/images',
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

/** Tests of the labs' stores, and of faults on connections: in every run. */
const ALWAYS = ['cli/lab-store', 'services/stores/server-sweep'];

/** Number of runs that cover them all. */
export const STORE_SHARDS = 3;

/** Test files of this run with labs on servers. */
export const STORE_FILES = [...(MORE_SHARDS ? [] : ALWAYS), ...ROTATING.filter((_, index) => isTurn(index, STORE_SHARDS))].map(
  (name) => `test/${name}.test.ts`,
);
