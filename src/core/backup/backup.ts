import type { WorkerPool } from '../../engine/pool/worker-pool.ts';
import { BackyError } from '../../errors.ts';
import { shareSource } from '../../io/open-io.ts';
import type { SharedSource } from '../../io/shared.ts';
import { type BackupCounters, NO_COUNTS } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { proveKeyForWriting } from '../blocks/encryption-key.ts';
import { Meter } from '../blocks/progress.ts';
import { withWayOn } from '../blocks/resume-hint.ts';
import { validateHealed } from '../blocks/validate-healed.ts';
import { withPool } from '../blocks/with-pool.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { type BackupPlan, planBackup } from '../plan/backup-plan.ts';
import { checkHints, throughParent } from '../plan/hints.ts';
import { checkStore, confirmMounted } from '../store/check-store.ts';
import { CleanupWatch } from '../store/cleanup-watch.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { verifyKeptBlobs } from '../store/verify-reused-blobs.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { checkContinuedSource } from './continue-check.ts';
import { DataPhase } from './data-phase.ts';
import { checkHintsAgainstBase, checkHintsWithoutBase } from './hint-check.ts';
import { OnlyHinted } from './hinted-blocks.ts';
import { continueVersion, createVersion, useBase } from './open-version.ts';
import type { BackupRequest, BackupResult } from './request.ts';
import type { SampleOptions } from './source-sample.ts';
import { addPlannedZeros, presentRanges, readMissing, takeOverFromBase } from './take-over.ts';

/**
 * Backs a source up (semantics.md, backup). On failure the version stays, invalid, and can be continued; only hints that do
 * not fit their base remove it. `open` opens the source, where that is not to be by its URL.
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
    return withPool(context, { geometry, source }, async (pool) => {
      await checkStore(context, request);
      const checkSource = async (existing: TaggedVersion) => {
        await checkContinuedSource({ meta: context.meta, ...sampleBy(context, pool, geometry) }, existing);
        context.signal.throwIfAborted();
      };
      const version =
        request.continueUid === undefined
          ? await createVersion(context, { request, geometry, locks })
          : await continueVersion(context, { request, geometry, locks, uid: request.continueUid, checkSource });
      request.onVersion?.(version.uid);
      const done = await run(context, { request, geometry, base, version, pool, source });
      return {
        uid: version.uid,
        name: version.name,
        snapshotName: version.snapshotName,
        source: request.source,
        tags: version.tags,
        expire: version.expire,
        size: version.size,
        sizeBytes: version.sizeBytes,
        ...done,
      };
    });
  });
}

type Outcome = Pick<BackupResult, 'counters' | 'rejected' | 'blocksMended' | 'versionsMended' | 'dataSeconds'>;

interface Run {
  request: BackupRequest;
  geometry: Geometry;
  base: TaggedVersion | undefined;
  version: TaggedVersion;
  pool: WorkerPool;
  source: SharedSource;
}

async function run(context: Context, { request, geometry, base, version, pool, source }: Run): Promise<Outcome> {
  const { meta, settings, signal, onProgress } = context;
  const { acceptDamage } = request;
  try {
    const meter = new Meter(version.size, pool, onProgress);
    meter.begin('prepare', 0);
    const plan = planBackup({ ...geometry, hints: request.hints, baseSizeBytes: base?.sizeBytes });
    const earlier = request.continueUid === undefined ? NO_COUNTS : await skipWhatIsThere(context, plan, version);
    const start = performance.now();
    const elapsedSeconds = () => earlier.durationSeconds + Math.floor((performance.now() - start) / 1000);
    const toRead = plan.read.count();
    const only = request.onlyHinted === true ? new OnlyHinted(plan.read) : undefined;
    meter.begin('prepare', version.size - toRead - plan.take.count() - plan.sparse.count(), version.size - toRead);
    if (request.hints !== undefined && only === undefined) {
      await checkUntouched(context, { pool, plan, base, version, geometry, isNew: request.continueUid === undefined });
    }
    const set = {
      meta,
      versionUid: version.uid,
      geometry,
      plan,
      signal,
      elapsedSeconds,
      onBlocks: (count: number) => meter.add(count, 0),
    };
    const cleanups = await CleanupWatch.begin(context);
    const takenOver = base === undefined ? earlier : await takeOverFromBase({ ...set, counters: earlier }, base.uid);
    only?.check(plan.read);
    const counters = await addPlannedZeros({ ...set, counters: takenOver });
    const data = new DataPhase({
      ...set,
      pool,
      counters,
      logger: context.logger,
      checks: new CheckLog(context),
      guard: new DamageGuard(context, { onMassDamage: 'stop', acceptDamage }),
      encVersion: settings.encryption.version,
      deduplication: settings.deduplication,
      read: plan.read,
      confirmStore: () => confirmMounted(context),
      findMissing: (rows) => cleanups.findMissing(rows),
      onBlocks: (count, bytesRead) => meter.add(count, bytesRead),
    });
    await pool.ready();
    const dataStart = performance.now();
    meter.begin('data', version.size - plan.read.count());
    for (;;) {
      await data.run(signal);
      const dataSeconds = (performance.now() - dataStart) / 1000;
      signal.throwIfAborted();
      await source.verify();
      await cleanups.markMissing(version.uid);
      await verifyKeptBlobs(context, {
        ...{ versionUid: version.uid, blocksKept: data.counters.blocksDedup, acceptDamage },
        isContinued: request.continueUid !== undefined,
      });
      const total = { ...data.counters, durationSeconds: elapsedSeconds() };
      if (await meta.finishBackup(version, total)) {
        const mended = { blocksMended: data.healing.blocks, versionsMended: await validateHealed(context, data.healing) };
        return { counters: total, rejected: data.rejected, ...mended, dataSeconds };
      }
      // A scrub or restore has found blobs bad meanwhile that this backup had used.
      await meta.discardBadBlocks(version.uid, geometry);
      await readMissing(meta, { versionUid: version.uid, read: plan.read, range: { first: 0, count: version.size } });
      only?.check(plan.read);
      meter.add(-plan.read.count(), 0);
    }
  } catch (error) {
    throw withWayOn(signal.aborted ? signal.reason : error, version.uid, request.canContinue);
  }
}

/** Leaves blocks that have a good row out of the plan. @returns the counters of the earlier runs. */
async function skipWhatIsThere({ meta }: Context, plan: BackupPlan, version: TaggedVersion): Promise<BackupCounters> {
  for await (const { first, count } of presentRanges(meta, version.uid, { first: 0, count: version.size })) {
    for (const set of [plan.read, plan.take, plan.sparse, plan.presumedZero]) set?.deleteRange(first, first + count);
  }
  return (await meta.savedCounters(version.uid)) ?? meta.countersFromRows(version.uid);
}

/** Compares a sample of the blocks that no hint touches: with the base, or, where there is none, with zeros. */
async function checkUntouched(
  context: Context,
  {
    pool,
    plan,
    base,
    version,
    geometry,
    isNew,
  }: {
    pool: WorkerPool;
    plan: BackupPlan;
    base: TaggedVersion | undefined;
    version: TaggedVersion;
    geometry: Geometry;
    isNew: boolean;
  },
): Promise<void> {
  const { meta } = context;
  const by = sampleBy(context, pool, geometry);
  try {
    if (base !== undefined) await checkHintsAgainstBase({ meta, baseUid: base.uid, ...by }, plan.take);
    else if (plan.presumedZero !== undefined) await checkHintsWithoutBase(by, plan.presumedZero);
  } catch (error) {
    // What a continued version holds already is not this run's to throw away.
    if (error instanceof BackyError && error.code === 'hintsMismatch' && isNew) await meta.removeVersion(version.uid, () => {});
    throw error;
  }
}

function sampleBy({ settings, random }: Context, pool: WorkerPool, geometry: Geometry): SampleOptions {
  return { pool, geometry, hashFunction: settings.hashFunction, percent: settings.hintCheckPercent, random };
}
