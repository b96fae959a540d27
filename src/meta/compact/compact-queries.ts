import type { LayoutQueries } from '../by-layout.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sharedQueries } from '../sql/shared-queries.ts';
import { compactCleanup } from './cleanup.ts';

/** The methods of a MetaStore on the compact layout, for both engines. */
export function compactQueries(db: SqlDatabase): LayoutQueries {
  return { ...sharedQueries(db), ...compactCleanup(db) } as unknown as LayoutQueries;
}
