import type { Mutant } from './mutant.ts';

const WRITE = ['test/unit/core/catalogue/write-manifest.test.ts'];
const KNOWN = ['test/unit/core/catalogue/new-leaves.test.ts'];
const TIDY = ['test/unit/core/catalogue/tidy.test.ts'];

/** The data backend alone restores each version, and no blob of such a version is deleted. */
export const CATALOGUE_WRITER: readonly Mutant[] = [
  {
    name: 'a-backup-leaves-no-manifest',
    invariant: 'The manifest is there before the version is valid.',
    file: 'src/core/backup/backup-run.ts',
    text: 'await this.#manifest?.write(total, ended);',
    replacement: '',
    tests: WRITE,
  },
  {
    name: 'a-base-gives-its-stale-leaves',
    invariant: 'A leaf of the base that changed since its manifest is read from the database.',
    file: 'src/core/catalogue/predecessor.ts',
    text: 'touched: new LeafSet(changes.leaves) }',
    replacement: 'touched: new LeafSet() }',
    tests: WRITE,
  },
  {
    name: 'written-leaves-come-from-the-base',
    invariant: 'Leaves with blocks that the backup has written are its own.',
    file: 'src/core/catalogue/write-manifest.ts',
    text: '[...ending.written, ...changes.leaves]',
    replacement: 'changes.leaves',
    tests: WRITE,
  },
  {
    name: 'a-sealed-manifest-names-plain-leaves',
    invariant: 'A manifest names leaves of its own folder alone.',
    file: 'src/core/catalogue/predecessor.ts',
    text: ' || folderOfHead(manifest.head) !== folder',
    replacement: '',
    tests: WRITE,
  },
  {
    name: 'a-row-that-changed-comes-from-memory',
    invariant: 'Rows that changed since their commit are read for the manifest.',
    file: 'src/core/catalogue/write-manifest.ts',
    text: '!changed.has(index)',
    replacement: '!changed.has(-1 - index)',
    tests: KNOWN,
  },
  {
    name: 'a-leaf-that-was-collected-is-named',
    invariant: 'A leaf that was stored without the lock of its folder is looked for.',
    file: 'src/core/catalogue/write-manifest.ts',
    text: 'early !== undefined && writer.has(early)',
    replacement: 'early !== undefined',
    tests: KNOWN,
  },
  {
    name: 'rows-from-memory-are-used-twice',
    invariant: 'Blocks that were written again after the manifest have their last rows in it.',
    file: 'src/core/catalogue/new-leaves.ts',
    text: 'return isFirst ?',
    replacement: 'return isFirst || true ?',
    tests: KNOWN,
  },
  {
    name: 'a-cleanup-guards-nothing',
    invariant: 'Blobs of versions that only the catalogue has are kept.',
    file: 'src/core/catalogue/manifest-guard.ts',
    text: 'undefined : (uid) => blobs.has(uid);',
    replacement: 'undefined : () => false;',
    tests: TIDY,
  },
  {
    name: 'a-part-of-a-version-counts-as-known',
    invariant: 'Blobs of a version that an older database has only in part are kept.',
    file: 'src/core/catalogue/store-only.ts',
    text: 'begun.has(uid) || !known.has(uid)',
    replacement: '!known.has(uid)',
    tests: ['test/unit/core/catalogue/older-database.test.ts'],
  },
  {
    name: 'a-store-that-was-rolled-back-is-trusted',
    invariant: 'A manifest that is older than the database remembers is no base of another.',
    file: 'src/core/catalogue/predecessor.ts',
    text: 'changes < written',
    replacement: 'changes < 0',
    tests: ['test/unit/core/catalogue/sync.test.ts'],
  },
  {
    name: 'a-guard-passes-over-damage',
    invariant: 'Nothing is deleted while the blobs of a version are not known.',
    file: 'src/core/catalogue/manifest-guard.ts',
    text: 'if (rows.lost === undefined) return head;',
    replacement: 'return head;',
    tests: TIDY,
  },
  {
    name: 'manifests-go-at-once',
    invariant: 'A removed manifest stays for an hour.',
    file: 'src/core/catalogue/tidy.ts',
    text: '/ 1000 - request.minAgeSeconds',
    replacement: '/ 1000',
    tests: TIDY,
  },
];
