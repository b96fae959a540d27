import type { LayoutQueries } from '../by-layout.ts';
import { bind } from '../sql/bind.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sharedQueries } from '../sql/shared-queries.ts';
import * as backups from './backups.ts';
import * as blocks from './blocks.ts';
import { compactCleanup } from './cleanup.ts';
import { commitGroup, findBlobs } from './commit.ts';
import { heal } from './heal.ts';
import * as integrity from './integrity.ts';
import { blockPage, blocksById, datedBlockPage } from './rows.ts';
import { checkShared } from './shared-integrity.ts';
import { takeOver } from './take-over.ts';
import { removeVersion, setVersionValid } from './versions.ts';

/** The methods of a MetaStore on the compact layout, for both engines. */
export function compactQueries(db: SqlDatabase): LayoutQueries {
  return {
    ...sharedQueries(db),
    ...bind(db, backups),
    ...bind(db, blocks),
    ...bind(db, { blockPage, blocksById, datedBlockPage, findBlobs, commitGroup, takeOver, heal }),
    ...bind(db, { removeVersion, setVersionValid }),
    ...bind(db, integrity),
    ...bind(db, { checkShared }),
    ...compactCleanup(db),
  } as unknown as LayoutQueries;
}
