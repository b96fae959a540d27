import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { progressLog } from '../progress-log.ts';
import { identifyStore } from '../store/check-store.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { folderOf } from './manifest-rows.ts';
import { markRemovals, writeCurrent } from './outbox.ts';
import { isOlder } from './predecessor.ts';
import { asDamage } from './read-heads.ts';
import { tidyMarkers } from './tidy-markers.ts';
import { type OpenedCatalogue, prepareKey, withCatalogue } from './with-catalogue.ts';

/** The outcome of {@link syncCatalogue}. */
export interface CatalogueSync {
  /** Manifests that were there, and whole. */
  checked: number;
  /** Manifests that lacked something; they were written again. */
  damaged: string[];
  /** Manifests that were written. */
  written: number;
  /** Versions in use by other commands, which write their manifests themselves. */
  inUse: string[];
  seconds: number;
}

/**
 * Makes the catalogue complete: checks that each manifest has all its parts, by listings, and
 * writes what is missing, for versions from before the catalogue too. What was stopped continues.
 */
export function syncCatalogue(context: Context): Promise<CatalogueSync> {
  const start = performance.now();
  const { meta } = context;
  if (!context.settings.catalogue) {
    throw new BackyError('refused', 'This installation keeps no catalogue. Nothing was written.', {
      hint: 'Set catalogue: yes in section DataBackend.',
    });
  }
  return holding([() => lockForOperation(context.locks)], () =>
    withCatalogue(context, async (opened) => {
      await identifyStore(context, opened.backend, { keepsId: false });
      const removed = await meta.removedManifests();
      await markRemovals(
        context,
        opened,
        removed.filter(({ isMarked }) => !isMarked),
      );
      await tidyMarkers(context, opened.catalogue);
      await meta.trackVersions(await meta.versionsWithoutManifest());
      await prepareKey(context, opened.catalogue);
      const { checked, damaged } = await checkManifests(context, opened.catalogue);
      for (const uid of damaged) await meta.markManifestStale(uid);
      const { written, inUse } = await writeStale(context, opened);
      return { checked, damaged, written, inUse, seconds: (performance.now() - start) / 1000 };
    }),
  );
}

async function checkManifests(context: Context, catalogue: Catalogue): Promise<Pick<CatalogueSync, 'checked' | 'damaged'>> {
  const { meta, logger } = context;
  const manifests = await meta.writtenManifests();
  const heads = new Set(await catalogue.versionUids());
  const tell = progressLog(context, (done, total, percent) => `Checked ${done} of ${total} manifests (${percent}%).`);
  const damaged: string[] = [];
  // By name: the leaves of one folder at a time are in memory.
  let leaves: LeafNames = { folder: '', names: new Set() };
  for (const [done, { versionUid, folder, written }] of manifests.entries()) {
    tell(done, manifests.length);
    if (leaves.folder !== folder) leaves = { folder, names: await catalogue.leafNames(folder) };
    const problem = heads.has(versionUid)
      ? await problemOf(context, catalogue, { versionUid, written, leaves })
      : 'its head is missing';
    if (problem === undefined) continue;
    damaged.push(versionUid);
    logger.warning(`The manifest of version ${versionUid} is written again: ${problem}`);
  }
  return { checked: manifests.length - damaged.length, damaged };
}

/** The leaves that a folder has. */
interface LeafNames {
  folder: string;
  names: ReadonlySet<string>;
}

async function problemOf(
  { signal }: Context,
  catalogue: Catalogue,
  { versionUid, written, leaves }: { versionUid: string; written: number; leaves: LeafNames },
): Promise<string | undefined> {
  let head: ManifestHead | undefined;
  try {
    head = await catalogue.readHead(versionUid, signal);
    if (head === undefined) return 'its head is missing';
    if (isOlder(head, { written })) return 'it is an older one';
    if (folderOf(head) !== leaves.folder) return 'it is in another folder';
    const missing = (await catalogue.readList(head, signal)).filter((name) => name !== 'empty' && !leaves.names.has(name));
    return missing.length === 0 ? undefined : `${missing.length} of its leaves are missing`;
  } catch (error) {
    return asDamage(error).message;
  }
}

async function writeStale(context: Context, opened: OpenedCatalogue): Promise<Pick<CatalogueSync, 'written' | 'inUse'>> {
  const { meta, locks, logger, signal } = context;
  const uids = await meta.staleVersions();
  const inUse: string[] = [];
  for (const [done, uid] of uids.entries()) {
    signal.throwIfAborted();
    const version = await meta.findVersion(uid);
    if (version === undefined) continue;
    if (await locks.isHeld(uid)) {
      inUse.push(uid);
      continue;
    }
    await writeCurrent(context, opened, version);
    logger.info(`Wrote the manifest of version ${uid} of ${version.name} (${done + 1} of ${uids.length}).`);
  }
  return { written: uids.length - inUse.length, inUse };
}
