import { BackyError } from '../../errors.ts';
import type { Dialect } from './database.ts';
import { sql } from './statement.ts';
import { rowsOf, type Steps } from './steps.ts';

/**
 * The revision that a database names in its table alembic_version; undefined when it names none.
 */
export function* readRevision({ label, dialect }: { label: string; dialect: Dialect }): Steps<string | undefined> {
  if ((yield* rowsOf(dialect.hasTable('alembic_version'))).length === 0) return undefined;
  const rows = yield* rowsOf<{ revision: string }>(sql`SELECT version_num AS revision FROM alembic_version ORDER BY version_num`);
  if (rows.length > 1) {
    const named = rows.map(({ revision }) => revision).join(', ');
    throw new BackyError('database', `The database ${label} names several revisions: ${named}. Nothing was changed.`, {
      hint: 'Its table alembic_version must have one row.',
    });
  }
  return rows[0]?.revision;
}

/** The error for a database that must be upgraded, and is to stay as it is. */
export function outdated(label: string): BackyError {
  return new BackyError('database', `The database ${label} has an old revision.`, { hint: 'Any other command upgrades it.' });
}

/** The error for a second `initdb`. */
export function alreadyInitialized(label: string, hint: string): BackyError {
  return new BackyError('refused', `The database ${label} is initialised already. Nothing was changed.`, { hint });
}
