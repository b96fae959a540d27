import type { WorkerPool } from '../../engine/pool/worker-pool.ts';
import { BackyError } from '../../errors.ts';
import type { SharedSource } from '../../io/shared.ts';
import type { Block } from '../../model/block.ts';
import { type BackupCounters, NO_COUNTS } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { addMissingBlocks, presentRanges } from '../blocks/present-blocks.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import { validateHealed } from '../blocks/validate-healed.ts';
import { BackupManifest } from '../catalogue/backup-manifest.ts';
import type { Context } from '../context.ts';
import type { BackupPlan } from '../plan/backup-plan.ts';
import { Meter } from '../progress.ts';
import { confirmMounted } from '../store/check-store.ts';
import { CleanupWatch } from '../store/cleanup-watch.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { verifyReusedBlobs } from '../store/verify-reused-blobs.ts';
import { DataPhase } from './data-phase.ts';
import { checkHintsAgainstBase, checkHintsWithoutBase } from './hint-check.ts';
import { HintedBlocks } from './hinted-blocks.ts';
import type { BackupRequest, BackupResult } from './request.ts';
import { sampleOptions } from './source-sample.ts';
import { addPlannedZeros, takeOverFromBase } from './take-over.ts';

/** A version that is locked, and all that its blocks come from. */
interface PreparedBackup {
  request: BackupRequest;
  geometry: Geometry;
  base: TaggedVersion | undefined;
  plan: BackupPlan;
  version: TaggedVersion;
  pool: WorkerPool;
  source: SharedSource;
}

/** The outcome of a run. */
type BackupOutcome = Pick<BackupResult, 'counters' | 'rejected' | 'blocksMended' | 'versionsMended' | 'dataSeconds'>;

/** Gives a version all its blocks, and makes it valid. */
export class BackupRun {
  readonly #context: Context;
  readonly #prepared: PreparedBackup;
  readonly #meter: Meter;
  #startMs = 0;
  /** Counters of the runs before this one. */
  #earlier: BackupCounters = NO_COUNTS;
  #manifest: BackupManifest | undefined;

  constructor(context: Context, prepared: PreparedBackup) {
    const { version, pool } = prepared;
    this.#context = context;
    this.#prepared = prepared;
    this.#meter = new Meter(version.size, pool, context.onProgress);
  }

  /** Rejects with the first failure, and says then how to resume the backup. */
  perform(): Promise<BackupOutcome> {
    return withResumeHint(
      this.#context.signal,
      () => resumeHint(this.#prepared),
      async () => {
        try {
          return await this.#run();
        } finally {
          await this.#manifest?.close();
        }
      },
    );
  }

  async #run(): Promise<BackupOutcome> {
    const { request, version, base, pool, source } = this.#prepared;
    const { signal } = this.#context;
    this.#meter.begin('prepare', 0);
    // Blocks of an earlier run may come from anywhere.
    const origin = request.continueUid === undefined ? base : undefined;
    this.#manifest = await BackupManifest.begin(this.#context, { version, base: origin });
    if (request.continueUid !== undefined) await this.#skipPresentBlocks();
    this.#startMs = performance.now();
    const hinted = request.onlyHinted === true ? new HintedBlocks(this.#prepared.plan.read) : undefined;
    this.#beginPreparing();
    if (hinted === undefined) await this.#checkHints();
    const cleanups = await CleanupWatch.begin(this.#context);
    const counters = await this.#takeOver(hinted);
    const data = this.#dataPhase(cleanups, counters);
    await pool.ready();
    const dataStartMs = performance.now();
    this.#meter.begin('data', version.size - this.#prepared.plan.read.count());
    for (;;) {
      this.#manifest?.willWrite(this.#prepared.plan.read);
      await data.run(signal);
      const dataSeconds = (performance.now() - dataStartMs) / 1000;
      signal.throwIfAborted();
      await source.verify();
      const total = await this.#finish(cleanups, data.counters);
      if (total !== undefined) {
        const mended = { blocksMended: data.healing.blocks, versionsMended: await validateHealed(this.#context, data.healing) };
        return { counters: total, rejected: data.rejected, ...mended, dataSeconds };
      }
      await this.#readBadBlocks(hinted);
    }
  }

  /** Leaves blocks that have a good row out of the plan. */
  async #skipPresentBlocks(): Promise<void> {
    const { meta } = this.#context;
    const { uid, size } = this.#prepared.version;
    const { read, take, sparse, presumedZero } = this.#prepared.plan;
    for await (const { first, count } of presentRanges(meta, uid, { first: 0, count: size })) {
      for (const set of [read, take, sparse, presumedZero]) set?.deleteRange(first, first + count);
    }
    this.#earlier = (await meta.savedCounters(uid)) ?? (await meta.countersFromRows(uid));
  }

  #beginPreparing(): void {
    const { size } = this.#prepared.version;
    const { read, take, sparse } = this.#prepared.plan;
    const blocksLeft = read.count() + take.count() + sparse.count();
    this.#meter.begin('prepare', size - blocksLeft, size - read.count());
  }

  /**
   * Compares a sample of the blocks that no hint touches: with the base, or, without one, with
   * zeros.
   */
  async #checkHints(): Promise<void> {
    const { request, base, version, pool, geometry } = this.#prepared;
    const { meta } = this.#context;
    if (request.hints === undefined) return;
    const sample = sampleOptions(this.#context, pool, geometry);
    try {
      if (base !== undefined) await checkHintsAgainstBase({ meta, baseUid: base.uid, ...sample }, this.#prepared.plan.take);
      else if (this.#prepared.plan.presumedZero !== undefined)
        await checkHintsWithoutBase(sample, this.#prepared.plan.presumedZero);
    } catch (error) {
      // A version that an earlier run began is not removed: it holds blocks.
      const isNew = request.continueUid === undefined;
      if (error instanceof BackyError && error.code === 'hintsMismatch' && isNew) await meta.removeVersion(version.uid, () => {});
      throw error;
    }
  }

  /** Adds the rows that need no block to be read. @returns the counters by then. */
  async #takeOver(hinted: HintedBlocks | undefined): Promise<BackupCounters> {
    const { base, version, geometry } = this.#prepared;
    const { meta, signal } = this.#context;
    this.#manifest?.willWrite(this.#prepared.plan.sparse);
    const options = {
      ...{ meta, signal, geometry, plan: this.#prepared.plan, versionUid: version.uid },
      elapsedSeconds: () => this.#elapsedSeconds(),
      onBlocks: (count: number) => this.#meter.add(count, 0),
      onZeros: (blocks: Iterable<Block>) => this.#added(blocks),
    };
    const takenOver =
      base === undefined ? this.#earlier : await takeOverFromBase({ ...options, counters: this.#earlier }, base.uid);
    hinted?.check(this.#prepared.plan.read);
    return addPlannedZeros({ ...options, counters: takenOver });
  }

  #dataPhase(cleanups: CleanupWatch, counters: BackupCounters): DataPhase {
    const { request, version, geometry, pool } = this.#prepared;
    const { meta, logger, settings } = this.#context;
    return new DataPhase({
      ...{ meta, logger, pool, geometry, counters, versionUid: version.uid, read: this.#prepared.plan.read },
      checks: new CheckLog(this.#context),
      guard: new DamageGuard(this.#context, { onMassDamage: 'stop', acceptDamage: request.acceptDamage }),
      encVersion: settings.encryption.version,
      deduplication: settings.deduplication,
      elapsedSeconds: () => this.#elapsedSeconds(),
      confirmStore: () => confirmMounted(this.#context),
      findMissing: (rows) => cleanups.findMissing(rows),
      onAdded: (blocks) => this.#added(blocks),
      onBlocks: (count, bytesRead) => this.#meter.add(count, bytesRead),
    });
  }

  /**
   * Makes the version valid.
   * @returns the final counters, or undefined if a blob was found bad or missing meanwhile.
   */
  async #finish(cleanups: CleanupWatch, counters: BackupCounters): Promise<BackupCounters | undefined> {
    const { request, version } = this.#prepared;
    await cleanups.markMissing(version.uid);
    await verifyReusedBlobs(this.#context, {
      versionUid: version.uid,
      blocksReused: counters.blocksDedup,
      isContinued: request.continueUid !== undefined,
      acceptDamage: request.acceptDamage,
    });
    const total = { ...counters, durationSeconds: this.#elapsedSeconds() };
    const ended = this.#context.now();
    await this.#manifest?.write(total, ended);
    return (await this.#context.meta.finishBackup(version, total, ended)) ? total : undefined;
  }

  /** Plans to read the blocks again whose blobs were found bad or missing. */
  async #readBadBlocks(hinted: HintedBlocks | undefined): Promise<void> {
    const { version, geometry } = this.#prepared;
    const { meta } = this.#context;
    const ids = this.#prepared.plan.read;
    await meta.discardBadBlocks(version.uid, geometry);
    await addMissingBlocks(meta, { versionUid: version.uid, ids, range: { first: 0, count: version.size } });
    hinted?.check(ids);
    this.#meter.add(-ids.count(), 0);
  }

  async #added(blocks: Iterable<Block>): Promise<void> {
    await this.#manifest?.add(blocks);
  }

  #elapsedSeconds(): number {
    return this.#earlier.durationSeconds + Math.floor((performance.now() - this.#startMs) / 1000);
  }
}

function resumeHint({ request, version }: PreparedBackup): string {
  return request.canContinue === false
    ? 'Stored blocks are kept. The next run starts a new version.'
    : `Stored blocks are kept, and the version stays invalid. Resume with the same options and: backy2 backup -c ${version.uid}`;
}
