import type { Finding } from '../../engine/shared/messages.ts';
import type { BlobToCheck, CheckCursor } from '../../meta/verification-store.ts';
import type { Block } from '../../model/block.ts';
import { CHECK_CLOCKS, CLOCK_TOLERANCE_MS } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import { describeFinding } from '../blocks/bad-blocks.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { proveKeyForReadingAll } from '../blocks/encryption-key.ts';
import type { FeedJob } from '../blocks/fetch-feed.ts';
import { FetchPhase } from '../blocks/fetch-phase.ts';
import { Meter } from '../blocks/progress.ts';
import { withPool } from '../blocks/with-pool.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { holding, lockForOperation } from '../versions/locks.ts';

/** Blobs that are looked up at a time. */
const PAGE_BLOBS = 1_000;

/** How much to scrub of all that is stored. */
export interface OldestRequest {
  /** Share of all blobs. */
  percent: number;
  /** No blob is begun after so long; undefined: no limit. */
  budgetSeconds: number | undefined;
  /** Mark missing blobs, however many. */
  acceptDamage?: boolean | undefined;
}

/** A blob that is wrong. */
export interface BadBlob {
  uid: string;
  /** A block that it is for. */
  versionUid: string;
  id: number;
  problem: Finding['problem'];
  is: string;
  shouldBe: string | null;
}

/** What such a scrub found. */
export interface OldestResult {
  /** All that versions name. */
  blobs: number;
  blobsChecked: number;
  bytesChecked: number;
  /** Whether the time was over before the share was done. */
  outOfTime: boolean;
  errors: BadBlob[];
  /** Versions that are invalid since they hold what was found bad. */
  affectedVersions: string[];
  seconds: number;
}

/**
 * Checks the blobs that were verified longest ago, of all versions, each once. So a run a day with p percent has looked at all of them after
 * ceil(100 / p) days. A blob that nobody has verified yet is as old as the run before it came; new ones so never keep old ones waiting.
 * No version is locked: what is removed meanwhile is no finding.
 */
export async function scrubOldest(context: Context, request: OldestRequest): Promise<OldestResult> {
  return holding([() => lockForOperation(context.locks)], () => run(context, request));
}

async function run(context: Context, request: OldestRequest): Promise<OldestResult> {
  const { meta, signal, now, onProgress, settings } = context;
  const start = performance.now();
  const startSeconds = Math.floor(now().getTime() / 1000);
  await proveKeyForReadingAll(context);
  await checkStore(context, request);
  const guard = new DamageGuard(context, { onMassDamage: 'stop', acceptDamage: request.acceptDamage });
  await guard.lookAhead();
  await redateFuture(context, startSeconds);
  const blobs = await meta.enrolBlobs(startSeconds, () => signal.throwIfAborted());
  // As blockSizeOf does it for one version: here the largest of all.
  const blockSize = await largestBlock(context, settings.blockSize);
  const wanted = Math.ceil((blobs * request.percent) / 100);
  const checks = new CheckLog(context, startSeconds + 1);
  const bad = new BadBlobs(context, guard, checks);
  const done = { blobsChecked: 0, bytesChecked: 0, outOfTime: false };
  const isOver = () => request.budgetSeconds !== undefined && performance.now() - start >= request.budgetSeconds * 1000;
  await withPool(context, { geometry: { blockSize, sizeBytes: blockSize } }, async (pool) => {
    const meter = new Meter(wanted, pool, onProgress);
    try {
      meter.begin('data', 0);
      const phase = new FetchPhase({
        jobs: jobs(pool.slots.blocksPerSlot),
        onFindings: (findings, read) => bad.record(findings, read),
        onFetched: async (read, findings) => {
          guard.looked(read.length);
          done.blobsChecked += read.length;
          const bytes = read.reduce((sum, { size }) => sum + size, 0);
          done.bytesChecked += bytes;
          meter.add(read.length, bytes);
          await checks.add(read, findings);
        },
        onDone: () => {},
      });
      await pool.run(phase);
      signal.throwIfAborted();
      await guard.settle();
      // Blobs may have gone meanwhile, or the time with them.
      meter.add(wanted - meter.doneBlocks, 0);
    } finally {
      // What was found before a failure is marked all the same, if it can be.
      await guard.settle().catch(() => {});
      await checks.close();
    }
  });
  const { found: errors, affectedVersions } = bad;
  return { blobs, ...done, errors, affectedVersions: [...affectedVersions], seconds: (performance.now() - start) / 1000 };

  async function* jobs(blocksPerJob: number): AsyncIterableIterator<FeedJob> {
    let given = 0;
    let job: BlobToCheck[] = [];
    for await (const blob of oldestBlobs(context, startSeconds + 1)) {
      if (given >= wanted) break;
      if (isOver()) {
        done.outOfTime = true;
        break;
      }
      // A damaged row: the scrub of its version tells.
      if (blob.size > blockSize) continue;
      given++;
      // Answers name blocks by their number.
      if (job.length >= blocksPerJob || job.some(({ id }) => id === blob.id)) {
        yield toJob(job);
        job = [];
      }
      job.push(blob);
    }
    if (job.length > 0) yield toJob(job);
  }
}

/**
 * Else blobs that were checked by a clock that was ahead would wait for that time, and new ones
 * with them.
 */
async function redateFuture({ meta, logger }: Context, startSeconds: number): Promise<void> {
  // Before the walk that begins now, so that what comes after it is younger.
  const dated = startSeconds - 1;
  const { count, aheadSeconds } = await meta.redateFutureChecks(dated);
  if (aheadSeconds * 1000 <= CLOCK_TOLERANCE_MS) return;
  const latest = toSecondsText(new Date((dated + aheadSeconds) * 1000));
  logger.warning(`${count} blobs were verified in the future, up to ${latest}. They are dated now. ${CHECK_CLOCKS}`);
}

function toJob(blocks: BlobToCheck[]): FeedJob {
  return { work: { kind: 'fetch', blocks }, blocks: [], passed: [] };
}

/** Page by page, so that neither memory nor the database's time is taken by what is not used. */
async function* oldestBlobs({ meta }: Context, before: number): AsyncIterableIterator<BlobToCheck> {
  for (let after: CheckCursor | undefined; ; ) {
    const { blobs, cursor } = await meta.longestUnchecked(after, before, PAGE_BLOBS);
    yield* blobs;
    if (cursor === undefined) return;
    after = cursor;
  }
}

/** Versions may have been made with other block sizes than the configured one. */
async function largestBlock({ meta }: Context, configured: number): Promise<number> {
  let largest = configured;
  for (const { uid, size, sizeBytes } of await meta.listVersions({})) {
    const [first] = size <= 1 ? [{ size: sizeBytes }] : await meta.blocksById(uid, [0]);
    largest = Math.max(largest, first?.size ?? 0);
  }
  return largest;
}

/** Reports what is wrong with blobs, and marks them. */
class BadBlobs {
  readonly found: BadBlob[] = [];
  readonly affectedVersions = new Set<string>();
  readonly #context: Context;
  readonly #guard: DamageGuard;
  readonly #checks: CheckLog;

  constructor(context: Context, guard: DamageGuard, checks: CheckLog) {
    this.#context = context;
    this.#guard = guard;
    this.#checks = checks;
  }

  /** `read`: what the feed gave, so each is a BlobToCheck. @returns nothing: no blob is read a second time. */
  async record(findings: readonly Finding[], read: readonly Block[]): Promise<[]> {
    const { meta } = this.#context;
    for (const finding of findings) {
      const blob = read.find(({ id }) => id === finding.id) as BlobToCheck | undefined;
      // Its last version was removed, or its rows were mended, while it was being read.
      if (blob === undefined || !(await meta.isNamed(blob.uid, blob.checksum))) continue;
      const { uid, versionUid, id, checksum: shouldBe } = blob;
      this.found.push({ uid, versionUid, id, problem: finding.problem, is: finding.actual, shouldBe });
      if (finding.problem !== 'missing') await this.#report(finding, blob);
      else {
        await this.#guard.missing(async () => {
          this.#checks.addMissing(uid);
          await this.#report(finding, blob);
        });
      }
    }
    return [];
  }

  async #report(finding: Finding, blob: BlobToCheck): Promise<void> {
    const { meta, logger } = this.#context;
    const { uid, versionUid, checksum } = blob;
    logger.error(`Version ${versionUid}: ${describeFinding(finding, blob, 'scrub')}`);
    const versions = await meta.markBlockInvalid(uid, checksum);
    logger.info(`Marked block invalid (UID ${uid}, Checksum ${checksum}. Affected versions: ${versions.join(', ')})`);
    for (const version of versions) {
      if (!this.affectedVersions.has(version)) logger.info(`Marked version invalid (UID ${version})`);
      this.affectedVersions.add(version);
    }
  }
}
