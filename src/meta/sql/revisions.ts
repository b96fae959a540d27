import { BackyError } from '../../errors.ts';
import type { Layout } from '../../model/layout.ts';

/**
 * All revisions of the original's schema, oldest first (docs/spec/formats.md §2). The chain is the
 * same for both engines; sqlite/revisions.ts and postgresql/revisions.ts hold the changes to
 * tables.
 */
export const REVISIONS = [
  'bbe7904bfc3a',
  '29c655b78818',
  '828da0fbbe8d',
  'cd3f15ae79f8',
  '9e0939e3bc6d',
  '85966fcda5e6',
  '5260034b8125',
  '30349b678801',
] as const;

/** One of {@link REVISIONS}. */
export type Revision = (typeof REVISIONS)[number];

/** The newest revision, the only one that operations work on. */
export const NEWEST_REVISION: Revision = '30349b678801';

/** The revision of the compact layout. The original and older releases refuse it as unknown. */
export const COMPACT_REVISION = 'backy2-compact-1';

/** The newest revision of each layout. */
export const COMPLETE_REVISIONS: Record<Layout, string> = { classic: NEWEST_REVISION, compact: COMPACT_REVISION };

/** Revisions of a database that is being filled, and lacks indexes: see FillStore. */
export const FILLING_REVISIONS: Record<Layout, string> = {
  classic: 'backy2-filling-classic',
  compact: 'backy2-filling-compact',
};

/** Whether a database is being filled, or its filling was stopped. */
export function isBeingFilled(revision: string | undefined): boolean {
  return Object.values(FILLING_REVISIONS).some((filling) => filling === revision);
}

/** The layout of a database that {@link isOutdated} accepts, or that is being filled. */
export function layoutOf(revision: string | undefined): Layout {
  return revision === COMPACT_REVISION || revision === FILLING_REVISIONS.compact ? 'compact' : 'classic';
}

/** The name of a database without a revision: it is older than all that have one. */
export const FIRST_REVISION = '(none)';

/**
 * Whether a database must be upgraded before use.
 * @param revision the one in its table alembic_version; undefined when that is missing or empty.
 * @throws BackyError `database` for an unknown revision, and for one that is being filled.
 */
export function isOutdated(database: string, revision: string | undefined): boolean {
  if (revision === NEWEST_REVISION || revision === COMPACT_REVISION) return false;
  if (revision === undefined || (REVISIONS as readonly string[]).includes(revision)) return true;
  if (isBeingFilled(revision)) {
    throw new BackyError('database', `The database ${database} is not whole: rebuild-db was stopped. Nothing was changed.`, {
      hint: 'To continue, run: backy2 rebuild-db',
    });
  }
  throw new BackyError('database', `The database ${database} has the unknown revision ${revision}. Nothing was changed.`, {
    hint: `A newer release made it, or another program. This release knows revisions up to ${NEWEST_REVISION}.`,
  });
}

/**
 * Refuses a database of another layout than the configured one; undefined allows each.
 * @throws BackyError `config`; `database` for an unknown revision.
 */
export function refuseOtherLayout(database: string, revision: string | undefined, wanted: Layout | undefined): void {
  // An unknown revision says nothing of the layout.
  if (!isBeingFilled(revision)) isOutdated(database, revision);
  const actual = layoutOf(revision);
  if (wanted === undefined || wanted === actual) return;
  throw new BackyError(
    'config',
    `[MetaBackend] layout is ${wanted}, but the database ${database} has the layout ${actual}. Nothing was changed.`,
    { hint: `Set layout to ${actual}, or leave it out. To convert the database: backy2 convert-db --to ${wanted}` },
  );
}
