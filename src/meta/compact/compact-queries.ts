import type { LayoutQueries } from '../by-layout.ts';
import { findMigration, savedCounters } from '../sql/backups.ts';
import { bind } from '../sql/bind.ts';
import * as catalogue from '../sql/catalogue.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { keepStoreId, storeId } from '../sql/identity.ts';
import * as names from '../sql/names.ts';
import { importStats, listStats } from '../sql/reports.ts';
import * as runs from '../sql/runs.ts';
import { redateFutureChecks } from '../sql/verified.ts';
import * as sqlVersions from '../sql/versions.ts';
import * as backups from './backups.ts';
import * as blocks from './blocks.ts';
import * as compactCatalogue from './catalogue.ts';
import { compactCleanup } from './cleanup.ts';
import { commitGroup, findBlobs } from './commit.ts';
import { compareVersions } from './compare.ts';
import { diskUsage } from './disk-usage.ts';
import { fill } from './fill.ts';
import { heal } from './heal.ts';
import { namesBlobs, sampleBlobs } from './identity.ts';
import { importVersion } from './import-version.ts';
import * as integrity from './integrity.ts';
import { markBlobsInvalid } from './marks.ts';
import { rewrapKeys } from './rewrap-keys.ts';
import { blockPage, blocksById, datedBlockPage } from './rows.ts';
import * as sealed from './sealed.ts';
import { checkShared } from './shared-integrity.ts';
import { takeOver } from './take-over.ts';
import * as unchecked from './unchecked.ts';
import * as verified from './verified.ts';
import { removeVersion, setVersionValid } from './versions.ts';

/** The methods of a MetaStore on the compact layout, for both engines. */
export function compactQueries(db: SqlDatabase): LayoutQueries {
  return {
    // These read only tables that both layouts have.
    ...bind(db, sqlVersions),
    ...bind(db, names),
    ...bind(db, runs),
    ...bind(db, { ...catalogue, ...compactCatalogue }),
    ...bind(db, { findMigration, savedCounters, storeId, keepStoreId, importStats, listStats, redateFutureChecks }),
    ...bind(db, backups),
    ...bind(db, blocks),
    ...bind(db, { markBlobsInvalid }),
    ...bind(db, { blockPage, blocksById, datedBlockPage, findBlobs, commitGroup, takeOver, heal, compareVersions }),
    ...bind(db, integrity),
    ...bind(db, { checkShared, verifyIndexes: () => {} }),
    ...bind(db, { removeVersion, setVersionValid, importVersion, fill, rewrapKeys, diskUsage, namesBlobs, sampleBlobs }),
    ...bind(db, sealed),
    ...bind(db, verified),
    ...bind(db, unchecked),
    ...compactCleanup(db),
  };
}
