import type { SharedTarget } from '../../io/shared.ts';
import type { BlockRow } from '../../model/block.ts';
import { type BlockRange, blocksIn, bytesIn } from '../../model/block-range.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { checkLength } from '../blocks/check-length.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { feedJobs, type RowTreatment } from '../blocks/fetch-feed.ts';
import { type ComparedBlocks, fetchChecked } from '../blocks/fetch-phase.ts';
import { markVersionInvalid } from '../blocks/marks.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import { type MeteredPool, type RunPool, withPool } from '../blocks/with-pool.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import type { DamageGuard } from '../store/damage-guard.ts';
import { findStrayRows } from '../versions/check-rows.ts';
import { Contiguous } from './contiguous.ts';
import type { KnownTarget } from './known-target.ts';
import type { RestoreRequest, RestoreResult } from './request.ts';
import { RestoreTally } from './tally.ts';

/** A version that is locked, and a target that is ready for it. */
export interface PreparedRestore {
  request: RestoreRequest;
  version: TaggedVersion;
  geometry: Geometry;
  target: SharedTarget;
  guard: DamageGuard;
  /** Of a target that is compared: blocks that need not be read. */
  known?: KnownTarget | undefined;
}

/** Writes the blocks of a version to its target. */
export class RestoreRun {
  readonly #context: Context;
  readonly #prepared: PreparedRestore;
  readonly #runPool: RunPool;
  /** Zeros are written only where the target may hold something else. */
  readonly #zeros: 'zero' | 'skip';
  readonly #checks: CheckLog;
  readonly #bad: BadBlockRecorder;
  readonly #contiguous: Contiguous;
  readonly #isDryRun: boolean;
  readonly #startMs = performance.now();
  readonly #tally = new RestoreTally();
  #isComplete = false;

  /** @param runPool tests hand in another. */
  constructor(context: Context, prepared: PreparedRestore, runPool: RunPool = withPool) {
    this.#runPool = runPool;
    const { request, version, target, guard } = prepared;
    const { meta, logger } = context;
    this.#context = context;
    this.#prepared = prepared;
    this.#isDryRun = request.delta?.dryRun === true;
    this.#zeros = request.sparse || target.isNew ? 'skip' : 'zero';
    this.#checks = new CheckLog(context);
    this.#bad = new BadBlockRecorder({ meta, logger, version, during: 'restore', guard, checks: this.#checks });
    this.#contiguous = new Contiguous(request.fromId);
  }

  async perform(): Promise<RestoreResult> {
    this.#reportLastId();
    if (this.#isDryRun) await this.#withPool();
    else
      await withResumeHint(
        this.#context.signal,
        () => this.#resumeHint(),
        () => this.#withPool(),
      );
    if (!this.#isComplete && !this.#isDryRun)
      await markVersionInvalid(this.#context, this.#prepared.version.uid, this.#bad.affectedVersions);
    this.#tell();
    return this.#result();
  }

  /** A pool for a dry run has no target to write to. */
  #withPool(): Promise<void> {
    const { request, geometry, target } = this.#prepared;
    const ends = {
      source: request.delta === undefined ? undefined : target,
      target: this.#isDryRun ? undefined : target,
    };
    const zeroMissing = this.#zeros === 'zero';
    return this.#runPool(this.#context, { geometry, ...ends, zeroMissing }, (pool) => this.#writeBlocks(pool));
  }

  #tell(): void {
    const { request, version } = this.#prepared;
    const { kept, written, unreadable, whyUnreadable } = this.#tally;
    const { logger } = this.#context;
    const { count } = this.#bad;
    if (unreadable > 0)
      logger.warning(
        `${unreadable} blocks of ${request.target} could not be read. They count as different. The first: ${whyUnreadable}`,
      );
    if (count > 0 && !this.#isDryRun)
      logger.error(`${count} of ${version.size} blocks are wrong or missing on ${request.target}. All others are restored.`);
    if (request.delta !== undefined)
      logger.info(
        this.#isDryRun
          ? `Dry run: ${kept} blocks would be kept, ${written} written.`
          : `${kept} blocks kept, ${written} written.`,
      );
    this.#tellTail();
  }

  #tellTail(): void {
    const { request, version, target } = this.#prepared;
    if (target.tailBytes === 0) return;
    this.#context.logger.info(
      `${request.target} is larger than the version: its last ${target.tailBytes} bytes, from offset ${version.sizeBytes}, keep their old content.`,
    );
  }

  async #writeBlocks(pool: MeteredPool): Promise<void> {
    const { request, version, geometry, guard, known } = this.#prepared;
    const { stray, isAltered } = await findStrayRows(this.#context, version);
    const meter = new Meter(version.size, pool, this.#context.onProgress);
    meter.lastId = this.#contiguous.last;
    meter.begin('data', Math.min(request.fromId, version.size));
    const jobs = feedJobs({
      meta: this.#context.meta,
      version,
      blockSize: geometry.blockSize,
      blocksPerJob: pool.slots.blocksPerSlot,
      fromId: request.fromId,
      onPage: async (page) => known?.load(page),
      classify: (row) => this.#classify(row),
      gaps: this.#isDryRun ? 'skip' : this.#zeros,
      writes: !this.#isDryRun,
      onSkipped: (range) => this.#done(meter, [], [range]),
      onGap: (range) => this.#addGap(range),
    });
    await fetchChecked(pool, this.#context.signal, {
      ...{ jobs, bad: this.#bad, guard, checks: this.#checks },
      onCompared: (compared) => this.#addCompared(compared),
      onDone: ({ blocks, passed }) => this.#done(meter, blocks, passed),
    });
    if (!this.#isDryRun) {
      await pool.flush();
      await checkLength(this.#context, { version, bad: this.#bad, geometry });
    }
    this.#isComplete = this.#bad.blocksWithoutRow + stray === 0 && !isAltered;
  }

  #classify(row: BlockRow): RowTreatment {
    const { request, known } = this.#prepared;
    if (row.uid === null && this.#zeros === 'skip') return 'skip';
    const isEqual = request.delta === undefined ? false : known?.isEqual(row);
    if (isEqual === undefined) return 'compare';
    if (isEqual) this.#tally.kept++;
    else this.#tally.write(row);
    if (isEqual || this.#isDryRun) return 'skip';
    return row.uid === null ? 'zero' : 'fetch';
  }

  #addCompared({ blocks, different, unreadable }: ComparedBlocks): void {
    this.#tally.kept += blocks.length - different.length;
    this.#tally.addUnreadable(unreadable);
    for (const block of different) this.#tally.write(block);
  }

  #addGap(range: BlockRange): void {
    this.#bad.recordMissingRows(range);
    if (this.#zeros === 'zero') this.#tally.written += range.count;
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
    const { uid, target, delta, sparse } = this.#prepared.request;
    const from = delta?.from === undefined ? '' : ` --delta-from ${delta.from}`;
    const rest = delta === undefined ? `-c ${Math.max(0, this.#contiguous.last)}` : `--delta${from}`;
    return `The target is incomplete. Resume with: backy2 restore -f${sparse ? ' -s' : ''} ${rest} ${uid} ${target}`;
  }

  #result(): RestoreResult {
    const { request, version, target } = this.#prepared;
    const { bad, tally } = { bad: this.#bad, tally: this.#tally };
    const blocksSkipped = Math.min(request.fromId, version.size);
    return {
      uid: version.uid,
      name: version.name,
      snapshotName: version.snapshotName,
      target: request.target,
      dryRun: this.#isDryRun,
      size: version.size,
      sizeBytes: version.sizeBytes,
      blocksRestored: tally.fetched - (bad.count - bad.blocksWithoutRow),
      bytesRestored: tally.fetchedBytes - bad.bytes,
      blocksSparse: version.size - blocksSkipped - tally.fetched - tally.kept - bad.blocksWithoutRow,
      blocksKept: tally.kept,
      blocksWritten: tally.written,
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
