import { BackyError } from '../../errors.ts';
import type { RemovedManifest } from '../../meta/catalogue-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { catalogueOf, type OpenedCatalogue, prepareKey, warnOfRecoveryKey } from './with-catalogue.ts';
import { writeManifest } from './write-manifest.ts';

/** A version that changes all the time is left to the next command. */
const TRIES = 3;

/** Changes that the data backend does not show yet. */
export interface Outbox {
  /** Uids of versions whose manifest is missing or old. */
  stale: readonly string[];
  removed: readonly RemovedManifest[];
}

/** Brings the catalogue up to date. @throws BackyError if that is not possible now. */
export async function emptyOutbox(context: Context, { stale, removed }: Outbox): Promise<void> {
  await holding([() => lockForOperation(context.locks)], async () => {
    const versions = await versionsToWrite(context, stale);
    if (versions.length + removed.length === 0) return;
    await withStorage(context, async (backend) => {
      // First: it gives up soon where the data backend does not answer.
      await identifyStore(context, backend, { keepsId: false });
      const catalogue = await catalogueOf(context, backend);
      await markRemovals(context, { catalogue, backend }, removed);
      if (versions.length > 0) await prepareKey(context, catalogue);
      await writeAll(context, { catalogue, backend }, versions);
      warnOfRecoveryKey(context, catalogue);
    });
  });
}

/** One that waits for its key does not keep the others. */
async function writeAll(context: Context, opened: OpenedCatalogue, versions: readonly TaggedVersion[]): Promise<void> {
  let waits: BackyError | undefined;
  for (const version of versions) {
    try {
      await writeCurrent(context, opened, version);
    } catch (error) {
      if (!(error instanceof BackyError && error.code === 'encryption')) throw error;
      waits = error;
    }
  }
  if (waits !== undefined) throw waits;
}

/** Those that no command works on: a backup writes the manifest of its version itself. */
async function versionsToWrite({ meta, locks }: Context, uids: readonly string[]): Promise<TaggedVersion[]> {
  const versions: TaggedVersion[] = [];
  for (const uid of uids) {
    const version = await meta.findVersion(uid);
    if (version !== undefined && !(await locks.isHeld(uid))) versions.push(version);
  }
  return versions;
}

/** Writes a manifest until it shows the version as it is. */
export async function writeCurrent(context: Context, { catalogue }: OpenedCatalogue, version: TaggedVersion): Promise<void> {
  const { uid } = version;
  const isFirst = (await context.meta.catalogueChanges(uid))?.written === 0;
  for (let tries = 0; tries < TRIES; tries++) if (await writeManifest(context, catalogue, { version })) break;
  // A version that was removed has been imported again.
  if (isFirst && (await catalogue.removals()).has(uid)) await catalogue.unmarkRemoved(uid);
}

/** Makes the data backend know of recorded removals. Needs no key. */
export async function markRemovals(
  { meta }: Context,
  { catalogue }: OpenedCatalogue,
  removed: readonly RemovedManifest[],
): Promise<void> {
  if (removed.length === 0) return;
  for (const { versionUid, removed: time } of removed) await catalogue.markRemoved(versionUid, time);
  // Looked at after the marker is there: a version that comes back later takes it away itself.
  const recorded = new Set((await meta.removedManifests()).map(({ versionUid }) => versionUid));
  for (const { versionUid } of removed) if (!recorded.has(versionUid)) await catalogue.unmarkRemoved(versionUid);
  await meta.settleRemovals(removed.map(({ versionUid }) => versionUid));
}
