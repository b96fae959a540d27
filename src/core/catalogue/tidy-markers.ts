import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { holding } from '../versions/locks.ts';

/**
 * Deletes markers of removals that nothing needs: those of versions that the database has, and
 * those that neither a manifest nor a record belongs to. At most three listings.
 */
export async function tidyMarkers(context: Context, catalogue: Catalogue): Promise<void> {
  const marked = [...(await catalogue.removals()).keys()];
  if (marked.length === 0) return;
  const present = new Set((await context.meta.writtenManifests()).map(({ versionUid }) => versionUid));
  await unmarkPresent(
    context,
    catalogue,
    marked.filter((uid) => present.has(uid)),
  );
  await unmarkGone(
    context,
    catalogue,
    marked.filter((uid) => !present.has(uid)),
  );
}

/**
 * The database is an older copy, or the version came back. Nobody else would find it in the
 * catalogue otherwise.
 */
async function unmarkPresent({ meta, locks, logger }: Context, catalogue: Catalogue, uids: readonly string[]): Promise<void> {
  for (const uid of uids) {
    const lock = await locks.tryAcquire(uid, 'exclusive');
    if (lock === undefined) continue;
    await holding([async () => lock], async () => {
      // Nobody removes it now.
      if ((await meta.findVersion(uid)) === undefined) return;
      logger.warning(`The catalogue had version ${uid} as removed, and the database has it: its marker goes.`);
      await unmark({ logger }, catalogue, uid);
    });
  }
}

/** A command may mark a removal while a cleanup deletes the manifest, and be the last. */
async function unmarkGone({ meta, logger }: Context, catalogue: Catalogue, uids: readonly string[]): Promise<void> {
  if (uids.length === 0) return;
  // In this order: a removal is recorded before it is marked, and forgotten after its manifest.
  const recorded = new Set((await meta.removedManifests()).map(({ versionUid }) => versionUid));
  const unrecorded = uids.filter((uid) => !recorded.has(uid));
  if (unrecorded.length === 0) return;
  const heads = new Set(await catalogue.versionUids());
  for (const uid of unrecorded) if (!heads.has(uid)) await unmark({ logger }, catalogue, uid);
}

/** Takes a marker away. @returns false, with a warning, if the data backend did not. */
export async function unmark({ logger }: Pick<Context, 'logger'>, catalogue: Catalogue, uid: string): Promise<boolean> {
  try {
    await catalogue.unmarkRemoved(uid);
    return true;
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'dataBackend')) throw error;
    logger.warning(`The marker of version ${uid} stays: ${error.message}`);
    return false;
  }
}
