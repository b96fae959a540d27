import type { CatalogueChanges } from '../catalogue-store.ts';
import { catalogueChanges as changesOf, staleVersions as staleOnes, trackVersions as track } from '../sql/catalogue.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { resolveBlobs } from './catalogue-marks.ts';

/** A condition on a row of table versions: the version has blocks. */
const HAS_LEAVES = sql`EXISTS
  (SELECT 1 FROM backy2_maps JOIN backy2_map_leaves ON map = backy2_maps.id WHERE version_uid = versions.uid)`;

/** See CatalogueStore.trackVersions. */
export function trackVersions(db: SqlDatabase, versionUids: readonly string[]): Promise<void> {
  return track(db, versionUids, HAS_LEAVES);
}

/** See CatalogueStore.staleVersions. */
export async function staleVersions(db: SqlDatabase): Promise<string[]> {
  await resolveBlobs(db);
  return staleOnes(db);
}

/** See CatalogueStore.catalogueChanges. */
export async function catalogueChanges(db: SqlDatabase, versionUid: string): Promise<CatalogueChanges | undefined> {
  await resolveBlobs(db);
  return changesOf(db, versionUid);
}
