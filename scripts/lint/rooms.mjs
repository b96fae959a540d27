/**
 * The rooms of src/, from the top floor down. A file may import from its own room and from rooms
 * below it. The longest path that fits a file names its room. This table makes the check of imports
 * and the table in docs/architecture.md.
 *
 * @typedef {object} Room
 * @property {string} path folder or file below src/
 * @property {string} holds one line for the table
 * @property {Room[]} [parts] rooms inside it, from the top down; its other files are below them
 * @property {string[]} [not] rooms below it that it must not import either
 */

/** @type {Room[]} */
export const ROOMS = [
  { path: 'start', holds: 'what Node loads first; keeps compiled code' },
  { path: 'cli', holds: 'the command line: words in, words out' },
  {
    path: 'config',
    holds: '`backy.cfg` becomes one typed, checked value',
    not: ['core', 'engine', 'meta', 'nbd', 'fuse', 'locking', 'native'],
  },
  {
    path: 'core',
    holds: 'what a backup is',
    parts: [
      { path: 'core/backy.ts', holds: 'one method for each operation' },
      { path: 'core/run', holds: 'jobs: what is due, in which order; upkeep; problems' },
      { path: 'core/auto', holds: '`backup --auto`: snapshot, difference, backup' },
      { path: 'core/stream', holds: 'write a version to a pipe, in order' },
      { path: 'core/serve', holds: 'versions opened without a restore, for NBD and FUSE' },
      { path: 'core/scrub', holds: 'verify versions, or the blobs that were verified longest ago' },
      { path: 'core/restore', holds: 'write a version to a target' },
      { path: 'core/repair', holds: 'replace bad blocks from a source' },
      { path: 'core/migrate', holds: 'copy a version to another encryption' },
      { path: 'core/backup', holds: 'read a source into a version' },
      { path: 'core/upkeep', holds: 'cleanup, rekey, check-storage, backup-db' },
      { path: 'core/catalogue', holds: 'keep the catalogue in the data backend; work from it alone' },
      { path: 'core/transfer', holds: 'export and import' },
      { path: 'core/monitor', holds: 'status, metrics, report' },
      { path: 'core/reports', holds: 'due, sla, du, stats, diff-meta, coverage' },
      { path: 'core/blocks', holds: 'what operations that move blocks share' },
      { path: 'core/store', holds: 'is this the right data backend, and is it complete?' },
      { path: 'core/versions', holds: 'find, lock, list, tag, expire, protect, remove' },
      { path: 'core/plan', holds: 'which block is read, kept or sparse; pure' },
    ],
  },
  {
    path: 'engine',
    holds: 'moves blocks',
    parts: [
      { path: 'engine/pool', holds: "the main thread's side: worker pool, back-pressure, stall watch" },
      { path: 'engine/worker', holds: "the thread's side: slots, hashing, blobs" },
      { path: 'engine/shared', holds: 'messages and memory that both sides use' },
    ],
  },
  { path: 'meta', holds: 'the metadata store in SQL', not: ['data', 'io', 'locking', 'nbd', 'fuse'] },
  { path: 'nbd', holds: 'the NBD protocol; no versions', not: ['fuse', 'data', 'io', 'locking'] },
  { path: 'fuse', holds: 'the mount; no versions', not: ['data', 'io', 'locking'] },
  { path: 'data', holds: 'data backends, blob codecs, the catalogue of versions beside the blobs', not: ['io', 'locking'] },
  { path: 'io', holds: 'sources and targets', not: ['locking'] },
  { path: 'locking', holds: 'locks on this host and between hosts' },
  { path: 'native', holds: 'what Node lacks, through one FFI', not: ['model'] },
  { path: 'model', holds: 'the words of the domain; no I/O' },
  { path: 'logger.ts', holds: 'the interface of all logs' },
  { path: 'errors.ts', holds: 'errors that users meet: code, exit code, hint' },
];

/** All rooms, from the top floor down. */
export const FLOORS = ROOMS.flatMap((room) => [...(room.parts ?? []), room]);

/** @param {string} file path below src/ @returns {number} its room's place in FLOORS, or -1 */
export function roomOf(file) {
  let found = -1;
  for (const [index, { path }] of FLOORS.entries()) {
    const fits = file === path || file.startsWith(`${path}/`);
    if (fits && path.length > (FLOORS[found]?.path.length ?? 0)) found = index;
  }
  return found;
}
