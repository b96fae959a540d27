import { CATALOGUE_FORMAT } from './catalogue-format.ts';
import { CATALOGUE_MARKS } from './catalogue-marks.ts';
import { CATALOGUE_WRITER } from './catalogue-writer.ts';
import { COMPACT_CLEANUP } from './compact-cleanup.ts';
import { COMPACT_GUARDS } from './compact-guards.ts';
import { COMPARISONS } from './comparisons.ts';
import { DELTAS } from './deltas.ts';
import { DURABILITY } from './durability.ts';
import { LOCK_RULES } from './locks.ts';
import type { Mutant } from './mutant.ts';
import { OUTSIDE } from './outside.ts';
import { VERSIONS } from './versions.ts';

export { findTest } from './find-test.ts';

/**
 * The mutants of the invariants' lines. `node test/mutants/run.mjs` applies each and expects the
 * named tests to notice it.
 */
export const MUTANTS: readonly Mutant[] = [
  ...DURABILITY,
  ...VERSIONS,
  ...CATALOGUE_FORMAT,
  ...COMPACT_CLEANUP,
  ...COMPACT_GUARDS,
  ...LOCK_RULES,
  ...COMPARISONS,
  ...DELTAS,
  ...OUTSIDE,
  ...CATALOGUE_MARKS,
  ...CATALOGUE_WRITER,
];
