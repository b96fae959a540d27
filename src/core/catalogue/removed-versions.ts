import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { asDamage } from './read-heads.ts';
import { refuseWithoutCatalogue } from './undelete.ts';
import { withCatalogue } from './with-catalogue.ts';

/** A removed version that has a manifest still. */
export interface RemovedVersion {
  uid: string;
  /** Null where only a damaged head would tell. */
  name: string | null;
  /** When its backup started. Null: as `name`. */
  date: Date | null;
  sizeBytes: number | null;
  removed: Date;
  /** From then on, the next cleanup takes it. */
  until: Date;
}

/**
 * Lists the versions that can come back, by time of their removal. Two listings, and the head of
 * each of them is read.
 */
export async function removedVersions(context: Context): Promise<RemovedVersion[]> {
  const { meta, locks, settings } = context;
  refuseWithoutCatalogue(context);
  await checkInstallationFree(locks);
  return withCatalogue(context, async ({ catalogue }) => {
    const times = await catalogue.removals();
    for (const { versionUid, removed } of await meta.removedManifests()) times.set(versionUid, removed);
    for (const { uid } of await meta.listVersions({})) times.delete(uid);
    const rows: RemovedVersion[] = [];
    for (const uid of await catalogue.versionUids()) {
      const time = times.get(uid);
      if (time === undefined) continue;
      context.signal.throwIfAborted();
      const { name = null, date = null, sizeBytes = null } = (await headOf(context, catalogue, uid))?.version ?? {};
      const [removed, until] = [new Date(time * 1000), new Date((time + settings.keepRemovedSeconds) * 1000)];
      rows.push({ uid, name, date, sizeBytes, removed, until });
    }
    return rows.sort((a, b) => a.removed.getTime() - b.removed.getTime() || (a.uid < b.uid ? -1 : 1));
  });
}

async function headOf({ signal }: Context, catalogue: Catalogue, uid: string): Promise<ManifestHead | undefined> {
  try {
    return await catalogue.readHead(uid, signal);
  } catch (error) {
    asDamage(error);
    return undefined;
  }
}
