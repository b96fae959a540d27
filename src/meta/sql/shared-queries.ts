import * as backups from './backups.ts';
import { bind } from './bind.ts';
import * as blocks from './blocks.ts';
import * as catalogue from './catalogue.ts';
import * as cleanup from './cleanup.ts';
import type { SqlDatabase } from './database.ts';
import * as healing from './healing.ts';
import * as identity from './identity.ts';
import * as integrity from './integrity.ts';
import * as names from './names.ts';
import * as reports from './reports.ts';
import * as runs from './runs.ts';
import * as sealed from './sealed.ts';
import * as transfer from './transfer.ts';
import * as verified from './verified.ts';
import * as versions from './versions.ts';

/**
 * The methods of a MetaStore that all engines share. An engine adds the others: see
 * `sqlite-store.ts`.
 */
export function sharedQueries(db: SqlDatabase) {
  return {
    ...bind(db, versions),
    ...bind(db, blocks),
    ...bind(db, backups),
    ...bind(db, catalogue),
    ...bind(db, cleanup),
    ...bind(db, sealed),
    ...bind(db, healing),
    ...bind(db, identity),
    ...bind(db, integrity),
    ...bind(db, names),
    ...bind(db, verified),
    ...bind(db, transfer),
    ...bind(db, reports),
    ...bind(db, runs),
  };
}
