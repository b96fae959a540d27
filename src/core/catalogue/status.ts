import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { asDamage } from './read-heads.ts';
import { withCatalogue } from './with-catalogue.ts';

/**
 * How the catalogue has a version:
 * - `current`: as the database has it
 * - `stale`: as it was before
 * - `missing`: not at all, though the version is valid
 * - `unfinished`: not at all; the version is not valid either
 * - `store_only`: the database lacks the version
 * - `removed`: marked as removed, until a cleanup deletes it
 * - `damaged`: the database lacks the version, and its head can't be read
 */
export type CatalogueState = 'current' | 'stale' | 'missing' | 'unfinished' | 'store_only' | 'removed' | 'damaged';

/** A version of the database or of the catalogue. */
export interface CatalogueRow {
  uid: string;
  /** Null where only a damaged head would tell. */
  name: string | null;
  date: Date | null;
  state: CatalogueState;
}

/** Compares database and catalogue, without reading what both have: two listings. */
export async function catalogueStatus(context: Context): Promise<CatalogueRow[]> {
  const { meta, locks } = context;
  await checkInstallationFree(locks);
  return withCatalogue(context, async ({ catalogue }) => {
    const heads = new Set(await catalogue.versionUids());
    const removals = await catalogue.removals();
    const stale = new Set(await meta.staleVersions());
    const written = new Set((await meta.writtenManifests()).map(({ versionUid }) => versionUid));
    const rows: CatalogueRow[] = [];
    for (const { uid, name, date, valid } of await meta.listVersions({})) {
      const isCurrent = written.has(uid) && !stale.has(uid);
      const there = removals.has(uid) ? 'removed' : isCurrent ? 'current' : 'stale';
      rows.push({ uid, name, date, state: heads.delete(uid) ? there : valid ? 'missing' : 'unfinished' });
    }
    const recorded = new Set((await meta.removedManifests()).map(({ versionUid }) => versionUid));
    for (const uid of [...heads].sort()) {
      const isRemoved = removals.has(uid) || recorded.has(uid);
      rows.push(await storeOnlyRow(context, catalogue, { uid, isRemoved }));
    }
    return rows;
  });
}

async function storeOnlyRow(
  { signal }: Context,
  catalogue: Catalogue,
  { uid, isRemoved }: { uid: string; isRemoved: boolean },
): Promise<CatalogueRow> {
  let head: ManifestHead | undefined;
  try {
    head = await catalogue.readHead(uid, signal);
  } catch (error) {
    asDamage(error);
  }
  const { name = null, date = null } = head?.version ?? {};
  return { uid, name, date, state: isRemoved ? 'removed' : head === undefined ? 'damaged' : 'store_only' };
}
