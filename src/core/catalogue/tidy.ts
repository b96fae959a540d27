import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError, errnoOf } from '../../errors.ts';
import { NoRoomError } from '../../meta/no-room.ts';
import type { Context } from '../context.ts';
import { keepsCatalogue } from './flush.ts';
import { withFolder } from './folder-lock.ts';
import { guardManifests, type IsKept } from './manifest-guard.ts';
import { markRemovals } from './outbox.ts';
import { tidyMarkers } from './tidy-markers.ts';
import { catalogueOf } from './with-catalogue.ts';

/** How much a cleanup tidies. */
interface TidyRequest {
  /** Manifests of versions that were removed at least so long ago go. */
  minAgeSeconds: number;
  /** Look for leaves that nothing names in all folders, not only in those of removed versions. */
  everywhere: boolean;
}

/**
 * The first part of a cleanup: deletes manifests of removed versions before any of their blobs, and
 * leaves that no manifest names. Finds manifests that were deleted by others, so that they are
 * written again.
 * @returns which blobs must stay. @throws BackyError `refused` if that is not known.
 */
export async function tidyCatalogue(context: Context, backend: DataBackend, request: TidyRequest): Promise<IsKept | undefined> {
  const { meta, now } = context;
  if (!keepsCatalogue(context) || backend.objects === undefined) return undefined;
  const catalogue = await catalogueOf(context, backend);
  // First: what it refuses must leave all as it is.
  const isKept = await guardManifests(context, catalogue);
  const latest = now().getTime() / 1000 - request.minAgeSeconds;
  const removed = await meta.removedManifests();
  await deleteManifests(context, catalogue, latest);
  // Blobs of these are younger: nothing deletes them today.
  await unlessFull(context, () =>
    markRemovals(
      context,
      { catalogue, backend },
      removed.filter((one) => one.removed > latest && !one.isMarked),
    ),
  );
  if (request.everywhere) for (const folder of await catalogue.folders()) await collect(context, catalogue, folder);
  await unlessFull(context, () => tidyMarkers(context, catalogue));
  await unlessFull(context, () => noteLostHeads(context, catalogue));
  return isKept;
}

/** Deletes manifests of versions that were removed until this Unix time. */
async function deleteManifests(context: Context, catalogue: Catalogue, latest: number): Promise<void> {
  const removed = async () => (await context.meta.removedManifests()).filter((one) => one.removed <= latest);
  const listed = await removed();
  for (const folder of new Set(listed.map((one) => one.folder))) {
    context.signal.throwIfAborted();
    let uids: string[] = [];
    const deleteAll = async () => {
      // Under the lock: one that came back meanwhile keeps its manifest.
      uids = (await removed()).flatMap((one) => (one.folder === folder ? one.versionUid : []));
      for (const uid of uids) await catalogue.deleteManifest(uid, folder);
    };
    // Another command may be writing one of them, from before its removal, and would put it back.
    if (!(await unlessFull(context, () => withFolder(context, folder, deleteAll)))) await deleteAll();
    await collect(context, catalogue, folder);
    await unlessFull(context, () => context.meta.forgetManifests(uids));
  }
}

/**
 * A cleanup makes room on a full disk. What needs room before waits for the next one.
 * @returns whether there was room.
 */
async function unlessFull({ logger }: Context, body: () => Promise<void>): Promise<boolean> {
  try {
    await body();
    return true;
  } catch (error) {
    if (!(error instanceof NoRoomError) && !(error instanceof BackyError && errnoOf(error.cause) === 'ENOSPC')) throw error;
    logger.debug(`The catalogue is tidied only in part: ${error.message}`);
    return false;
  }
}

/** A folder that can't be read is left as it is: its leaves cost space, and nothing else. */
async function collect(context: Context, catalogue: Catalogue, folder: string): Promise<void> {
  const { logger, signal, locks } = context;
  try {
    await unlessFull(context, () =>
      withFolder(context, folder, async () => {
        await locks.confirm();
        const objects = await catalogue.collect(folder);
        if (objects > 0) logger.debug(`Deleted ${objects} objects of folder ${folder} of the catalogue.`);
      }),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BackyError) || error.code === 'lockLost') throw error;
    logger.warning(`A folder of the catalogue was not tidied: ${error.message}`);
  }
}

/** On S3, a full cleanup of the original deletes the catalogue. */
async function noteLostHeads({ meta, logger }: Context, catalogue: Catalogue): Promise<void> {
  const written = await meta.writtenManifests();
  const there = new Set(await catalogue.versionUids());
  const lost = written.filter(({ versionUid }) => !there.has(versionUid));
  if (lost.length === 0) return;
  logger.warning(`The catalogue has lost ${lost.length} of ${written.length} versions. They are written again.`);
  for (const { versionUid } of lost) await meta.markManifestStale(versionUid);
}
