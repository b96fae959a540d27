import type { WorkerPool } from '../../engine/pool/worker-pool.ts';
import type { SharedTarget } from '../../io/shared.ts';
import type { BlockRow } from '../../model/block.ts';
import { type BlockRange, blocksIn, bytesIn } from '../../model/block-range.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { checkLength } from '../blocks/check-length.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { feedJobs } from '../blocks/fetch-feed.ts';
import { fetchChecked } from '../blocks/fetch-phase.ts';
import { markVersionInvalid } from '../blocks/marks.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import { withPool } from '../blocks/with-pool.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import type { DamageGuard } from '../store/damage-guard.ts';
import { findStrayRows } from '../versions/check-rows.ts';
import { Contiguous } from './contiguous.ts';
import type { RestoreRequest, RestoreResult } from './request.ts';

/** A version that is locked, and a target that is ready for it. */
interface PreparedRestore {
  request: RestoreRequest;
  version: TaggedVersion;
  geometry: Geometry;
  target: SharedTarget;
  guard: DamageGuard;
}

/** Writes the blocks of a version to its target. */
export class RestoreRun {
  readonly #context: Context;
  readonly #prepared: PreparedRestore;
  /** Zeros are written only where the target may hold something else. */
  readonly #zeros: 'zero' | 'skip';
  readonly #checks: CheckLog;
  readonly #bad: BadBlockRecorder;
  readonly #contiguous: Contiguous;
  readonly #startMs = performance.now();
  #fetchedBlocks = 0;
  #fetchedBytes = 0;
  #isComplete = false;

  constructor(context: Context, prepared: PreparedRestore) {
    const { request, version, target, guard } = prepared;
    const { meta, logger } = context;
    this.#context = context;
    this.#prepared = prepared;
    this.#zeros = request.sparse || target.isNew ? 'skip' : 'zero';
    this.#checks = new CheckLog(context);
    this.#bad = new BadBlockRecorder({ meta, logger, version, during: 'restore', guard, checks: this.#checks });
    this.#contiguous = new Contiguous(request.fromId);
  }

  async perform(): Promise<RestoreResult> {
    const { request, version, geometry, target } = this.#prepared;
    const zeroMissing = this.#zeros === 'zero';
    this.#reportLastId();
    await withResumeHint(
      this.#context.signal,
      () => this.#resumeHint(),
      () => withPool(this.#context, { geometry, target, zeroMissing }, (pool) => this.#writeBlocks(pool)),
    );
    if (!this.#isComplete) await markVersionInvalid(this.#context, version.uid, this.#bad.affectedVersions);
    const { count } = this.#bad;
    if (count > 0)
      this.#context.logger.error(
        `${count} of ${version.size} blocks are wrong or missing on ${request.target}. All others are restored.`,
      );
    this.#tellTail();
    return this.#result();
  }

  #tellTail(): void {
    const { request, version, target } = this.#prepared;
    if (target.tailBytes === 0) return;
    this.#context.logger.info(
      `${request.target} is larger than the version: its last ${target.tailBytes} bytes, from offset ${version.sizeBytes}, keep their old content.`,
    );
  }

  async #writeBlocks(pool: WorkerPool): Promise<void> {
    const { request, version, geometry, guard } = this.#prepared;
    const { stray } = await findStrayRows(this.#context, version);
    const meter = new Meter(version.size, pool, this.#context.onProgress);
    meter.lastId = this.#contiguous.last;
    meter.begin('data', Math.min(request.fromId, version.size));
    const jobs = feedJobs({
      meta: this.#context.meta,
      version,
      blockSize: geometry.blockSize,
      blocksPerJob: pool.slots.blocksPerSlot,
      fromId: request.fromId,
      classify: (row) => this.#classify(row),
      gaps: this.#zeros,
      onSkipped: (range) => this.#done(meter, [], [range]),
      onGap: (range) => this.#bad.recordMissingRows(range),
    });
    await fetchChecked(pool, this.#context.signal, {
      ...{ jobs, bad: this.#bad, guard, checks: this.#checks },
      onDone: ({ blocks, passed }) => this.#done(meter, blocks, passed),
    });
    await pool.flush();
    await checkLength(this.#context, { version, bad: this.#bad, geometry });
    this.#isComplete = this.#bad.blocksWithoutRow + stray === 0;
  }

  #classify({ uid, size }: BlockRow): 'fetch' | 'zero' | 'skip' {
    if (uid === null) return this.#zeros;
    this.#fetchedBlocks++;
    this.#fetchedBytes += size;
    return 'fetch';
  }

  #done(meter: Meter, moved: readonly BlockRange[], passed: readonly BlockRange[]): void {
    for (const range of [...moved, ...passed]) this.#contiguous.done(range);
    this.#reportLastId();
    meter.lastId = this.#contiguous.last;
    meter.add(blocksIn(moved) + blocksIn(passed), bytesIn(moved, this.#prepared.geometry));
  }

  #reportLastId(): void {
    this.#prepared.request.onLastId?.(this.#contiguous.last);
  }

  #resumeHint(): string {
    const { uid, target } = this.#prepared.request;
    return `The target is incomplete. Resume with: backy2 restore -f -c ${Math.max(0, this.#contiguous.last)} ${uid} ${target}`;
  }

  #result(): RestoreResult {
    const { request, version, target } = this.#prepared;
    const bad = this.#bad;
    const blocksSkipped = Math.min(request.fromId, version.size);
    return {
      uid: version.uid,
      name: version.name,
      snapshotName: version.snapshotName,
      target: request.target,
      size: version.size,
      sizeBytes: version.sizeBytes,
      blocksRestored: this.#fetchedBlocks - (bad.count - bad.blocksWithoutRow),
      bytesRestored: this.#fetchedBytes - bad.bytes,
      blocksSparse: version.size - blocksSkipped - this.#fetchedBlocks - bad.blocksWithoutRow,
      blocksSkipped,
      tailBytes: target.tailBytes,
      complete: this.#isComplete,
      blocksBad: bad.count,
      errors: bad.found,
      affectedVersions: [...bad.affectedVersions],
      seconds: (performance.now() - this.#startMs) / 1000,
    };
  }
}
