import { BackyError } from '../../errors.ts';
import type { SqlDatabase } from '../sql/database.ts';

/** The error for compact tables that contradict themselves. */
export function damaged({ label }: SqlDatabase, what: string): BackyError {
  return new BackyError('database', `The database ${label} is damaged: ${what}.`, {
    hint: 'Restore the database from a copy of it. See docs/database.md.',
  });
}
