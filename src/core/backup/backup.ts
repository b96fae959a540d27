import { shareSource } from '../../io/open-io.ts';
import type { SharedSource } from '../../io/shared.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { proveKeyForWriting } from '../blocks/encryption-key.ts';
import { withPool } from '../blocks/with-pool.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { type BackupPlan, planBackup } from '../plan/backup-plan.ts';
import { checkHints, throughParent } from '../plan/hints.ts';
import { checkStore } from '../store/check-store.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { BackupRun } from './backup-run.ts';
import { checkContinuedSource } from './continue-check.ts';
import { continueVersion, createVersion, useBase } from './open-version.ts';
import type { BackupRequest, BackupResult } from './request.ts';
import { sampleOptions, sampleSize } from './source-sample.ts';

/**
 * Backs a source up (docs/spec/semantics.md §2). On failure the version stays, invalid, and can be
 * continued. Only a new version whose hints do not fit its source is removed.
 * @param open opens the source if its URL alone does not do.
 */
export async function backup(
  context: Context,
  request: BackupRequest,
  open: () => Promise<SharedSource> = () => shareSource(request.source, context.io, context),
): Promise<BackupResult> {
  const start = performance.now();
  return holding([() => lockForOperation(context.locks)], async () => {
    const source = await open();
    const parentBytes = Math.min(source.parentBytes ?? 0, source.sizeBytes);
    const hints = request.hints && throughParent(request.hints, { parentBytes, hasBase: request.baseUid !== undefined });
    const done = await withShared(context, source, (inner) => backUp(inner, { ...request, hints }, source));
    return { ...done, seconds: (performance.now() - start) / 1000 };
  });
}

async function backUp(context: Context, request: BackupRequest, source: SharedSource): Promise<Omit<BackupResult, 'seconds'>> {
  const geometry: Geometry = { blockSize: context.settings.blockSize, sizeBytes: source.sizeBytes };
  if (request.hints !== undefined) checkHints(request.hints, geometry.sizeBytes);
  await proveKeyForWriting(context);
  return holding([], async (locks) => {
    const base = request.baseUid === undefined ? undefined : await useBase(context, request.baseUid, locks);
    const plan = planBackup({ ...geometry, hints: request.hints, baseSizeBytes: base?.sizeBytes });
    const blocks = blocksToRead(context, plan);
    return withPool(context, { geometry, source, blocks, inThreads: request.inThreads }, async (pool) => {
      await checkStore(context, request);
      const checkSource = async (existing: TaggedVersion) => {
        await checkContinuedSource({ meta: context.meta, ...sampleOptions(context, pool, geometry) }, existing);
        context.signal.throwIfAborted();
      };
      const version =
        request.continueUid === undefined
          ? await createVersion(context, { request, geometry, locks })
          : await continueVersion(context, { request, geometry, locks, uid: request.continueUid, checkSource });
      request.onVersion?.(version.uid);
      const done = await new BackupRun(context, { request, geometry, base, plan, version, pool, source }).perform();
      return {
        uid: version.uid,
        name: version.name,
        snapshotName: version.snapshotName,
        source: request.source,
        tags: version.tags,
        expire: version.expire,
        size: version.size,
        sizeBytes: version.sizeBytes,
        sourceChanged: warnIfChanged(context, request, source),
        ...done,
      };
    });
  });
}

/** The version stays valid, as in the original. */
function warnIfChanged({ logger }: Context, { source: url }: BackupRequest, source: SharedSource): boolean {
  if (!source.hasChanged()) return false;
  logger.warning(
    `${url} changed while it was read: the version may mix old and new data. Back up a snapshot or a copy instead, or stop what writes to it.`,
  );
  return true;
}

/** The most blocks that a backup reads, unless rows of its base are missing or bad. */
function blocksToRead({ settings }: Context, { read, take, presumedZero }: BackupPlan): number {
  const tested = (take.count() > 0 ? take : presumedZero)?.count() ?? 0;
  return read.count() + sampleSize(tested, settings.hintCheckPercent);
}
