import type { Mutant } from './mutant.ts';

const TESTS = ['test/unit/meta/catalogue.test.ts'];

/** Each change of a tracked version is marked, so that its manifest is written again. */
export const CATALOGUE_MARKS: readonly Mutant[] = [
  {
    name: 'marked-blocks-are-not-in-the-catalogue',
    invariant: 'Marks of bad blocks reach the catalogue.',
    file: 'src/meta/sql/blocks.ts',
    text: 'yield* noteRows(',
    replacement: 'noteRows(',
    tests: TESTS,
  },
  {
    name: 'healed-blobs-are-not-in-the-catalogue',
    invariant: 'Healed blocks reach the catalogue in the compact layout too.',
    file: 'src/meta/compact/heal.ts',
    text: 'yield* noteBlobs(',
    replacement: 'noteBlobs(',
    tests: TESTS,
  },
  {
    name: 'discarded-blocks-are-not-in-the-catalogue',
    invariant: 'A manifest shows no block that was discarded.',
    file: 'src/meta/sql/backups.ts',
    text: 'yield* noteRows(',
    replacement: 'noteRows(',
    tests: TESTS,
  },
  {
    name: 'a-manifest-settles-later-changes',
    invariant: 'A change that came after the rows were read stays marked.',
    file: 'src/meta/sql/catalogue.ts',
    text: 'if (row?.settled !== 1) return false;',
    replacement: 'if (row === undefined) return false;',
    tests: TESTS,
  },
  {
    name: 'a-removal-is-not-recorded',
    invariant: 'The removal of a version that may have a manifest is recorded.',
    file: 'src/meta/sql/catalogue-marks.ts',
    text: " AND folder = ''`",
    replacement: '`',
    tests: TESTS,
  },
  {
    name: 'a-returned-version-stays-removed',
    invariant: 'An import ends a removal of the same version that was recorded.',
    file: 'src/meta/sql/catalogue-marks.ts',
    text: 'written = 0, name = NULL, removed = NULL, marked = 0',
    replacement: 'written = 0',
    tests: TESTS,
  },
];
