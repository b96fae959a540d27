import type { Mutant } from './mutant.ts';

const CLEANUP = ['test/unit/meta/compact/cleanup.test.ts'];

/** Which blobs a cleanup of the compact layout deletes, and which commits and imports may use. */
export const COMPACT_CLEANUP: readonly Mutant[] = [
  {
    name: 'commit-rescues-no-blob',
    invariant: 'A commit that uses a found blob deletes its candidate.',
    file: 'src/meta/compact/blobs.ts',
    text: 'DELETE FROM backy2_candidates WHERE ',
    replacement: 'DELETE FROM backy2_candidates WHERE 1 = 0 AND ',
    tests: CLEANUP,
  },
  {
    name: 'commit-uses-unused-blobs',
    invariant: 'A commit refuses blobs that a search found unused, or that are doomed.',
    file: 'src/meta/compact/named-blobs.ts',
    text: 'AND valid = 1 AND ',
    replacement: 'AND valid = 1 OR 1 = 0 AND ',
    tests: CLEANUP,
  },
  {
    name: 'import-believes-in-unused-blobs',
    invariant: 'An import makes blocks invalid whose blobs a cleanup may have deleted.',
    file: 'src/meta/compact/import-rows.ts',
    text: 'OR EXISTS (SELECT 1 FROM backy2_blobs WHERE ',
    replacement: 'OR EXISTS (SELECT 1 FROM backy2_blobs WHERE 1 = 0 AND ',
    tests: CLEANUP,
  },
  {
    name: 'cleanup-judges-later-candidates',
    invariant: 'A cleanup drops and marks only candidates that were there before it read leaves.',
    file: 'src/meta/compact/blobs.ts',
    text: 'time = excluded.time, scanned = 0',
    replacement: 'time = excluded.time',
    tests: CLEANUP,
  },
  {
    name: 'cleanup-marks-young-candidates',
    invariant: 'Only candidates that are old enough become unused.',
    file: 'src/meta/compact/candidates.ts',
    text: ' AND time <= ',
    replacement: ' AND 0 <= ',
    tests: CLEANUP,
  },
  {
    name: 'cleanup-misses-that-a-leaf-is-missing',
    invariant: 'A cleanup does not begin while a leaf is missing.',
    file: 'src/meta/compact/search.ts',
    text: 'await refuseMissingLeaves(db);',
    replacement: '',
    tests: CLEANUP,
  },
  {
    name: 'cleanup-deletes-bytes-that-others-have-too',
    invariant: 'Bytes go only with the last row of their uid.',
    file: 'src/meta/compact/doomed.ts',
    text: 'const uids = all.filter((uid) => !isShared.has(uid));',
    replacement: 'const uids = all;',
    tests: CLEANUP,
  },
  {
    name: 'full-cleanup-misses-blobs-without-candidates',
    invariant: 'A full cleanup finds blobs that no leaf names and that are no candidates.',
    file: 'src/meta/compact/unnamed.ts',
    text: 'if (unseen.length > 0) await db.transaction',
    replacement: 'if (unseen.length < 0) await db.transaction',
    tests: CLEANUP,
  },
];
