import { BackyError } from '../../errors.ts';
import { rebuildHint } from '../sql/block-records.ts';
import type { SqlDatabase } from '../sql/database.ts';

/** The error for compact tables that contradict themselves. */
export function damaged({ label }: SqlDatabase, what: string): BackyError {
  return new BackyError('database', `The database ${label} is damaged: ${what}.`, {
    hint: 'Restore the database from a copy of it. See docs/database.md.',
  });
}

/** The error for an entry of SQLite's index of maps with a wrong rowid. */
export function leadsToOtherMap(versionUid: string): BackyError {
  return new BackyError(
    'database',
    `The database is damaged: index sqlite_autoindex_backy2_maps_1 leads from version ${versionUid} to the map of another version.`,
    { hint: rebuildHint('FILE'), data: { uid: versionUid } },
  );
}
