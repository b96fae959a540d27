import type { Mutant } from './mutant.ts';

const JOBS = ['test/unit/engine/worker/block-jobs.test.ts'];
const DELTA = ['test/unit/core/restore/delta.test.ts'];
const LOST_WRITES = ['test/process/lost-writes.test.ts'];
const KNOWN = ['test/unit/core/restore/known-target.test.ts'];

/** Which blocks of its target `restore --delta` may keep. */
export const DELTAS: readonly Mutant[] = [
  {
    name: 'any-data-of-the-target-is-kept',
    invariant: 'A block of the target is kept only if it has the checksum of its row.',
    file: 'src/engine/worker/compare-job.ts',
    text: 'return checksum === (digest ??',
    replacement: 'return digest !== null || checksum === (digest ??',
    tests: JOBS,
  },
  {
    name: 'unreadable-block-of-the-target-is-kept',
    invariant: 'A block of the target that cannot be read is written.',
    file: 'src/engine/worker/compare-job.ts',
    text: 'if (digest === undefined) return false;',
    replacement: 'if (digest === undefined) return true;',
    tests: JOBS,
  },
  {
    name: 'block-in-memory-alone-is-kept',
    invariant: 'A block of the target is kept only if the disk has it.',
    file: 'src/io/file/prepare-file-target.ts',
    text: "if (keeps === '--delta') dropPageCache(fd, 0, 0);",
    replacement: '',
    tests: LOST_WRITES,
    builds: true,
  },
  {
    name: 'blocks-that-are-not-adjacent-are-read-at-once',
    invariant: 'Each block is compared with its own bytes of the target.',
    file: 'src/core/blocks/fetch-feed.ts',
    text: 'last.id + 1 === row.id',
    replacement: 'last.id + 1 <= row.id',
    tests: DELTA,
  },
  {
    name: 'dry-run-fetches',
    invariant: 'A dry run needs no blobs.',
    file: 'src/core/restore/restore-run.ts',
    text: 'writes: !this.#isDryRun',
    replacement: 'writes: true',
    tests: DELTA,
  },
  {
    name: 'changed-block-is-not-read',
    invariant: 'Blocks of the target that have changed since the snapshot are read.',
    file: 'src/core/restore/known-target.ts',
    text: ' || !this.#unchanged.has(row.id)',
    replacement: '',
    tests: KNOWN,
  },
  {
    name: 'block-without-a-checksum-is-kept',
    invariant: 'Two rows without checksums do not make a block of the target right.',
    file: 'src/core/restore/known-target.ts',
    text: 'if (known.uid !== null && known.checksum === null) return undefined;',
    replacement: '',
    tests: KNOWN,
  },
  {
    name: 'target-is-not-compared-with-the-snapshots-version',
    invariant: 'A sample of the unchanged blocks is compared before anything is written.',
    file: 'src/core/restore/known-target.ts',
    text: 'await checkSample(context, options, take);',
    replacement: '',
    tests: KNOWN,
  },
];
