import { CHECK_CLOCKS, CLOCK_TOLERANCE_MS } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { proveKeyForReadingAll } from '../blocks/encryption-key.ts';
import { fetchChecked } from '../blocks/fetch-phase.ts';
import { withPool } from '../blocks/with-pool.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { type BadBlob, BadBlobRecorder } from './bad-blobs.ts';
import { OldestFeed } from './oldest-feed.ts';

/** How much of all stored blobs to scrub. */
export interface OldestRequest {
  /** Percent of all blobs. */
  percent: number;
  /** No check of a blob starts later than this. Undefined: no limit. */
  budgetSeconds: number | undefined;
  /** Mark missing blobs, however many. */
  acceptDamage?: boolean | undefined;
}

/** The outcome of a scrub of the oldest blobs. */
export interface OldestResult {
  /** All blobs that versions name. */
  blobs: number;
  blobsChecked: number;
  bytesChecked: number;
  /** Whether the time was over before all blobs that were asked for were checked. */
  outOfTime: boolean;
  errors: BadBlob[];
  /** Versions that are invalid now: they hold a bad blob. */
  affectedVersions: string[];
  seconds: number;
}

/**
 * Checks the blobs of all versions that were verified longest ago, each once. A run with `percent`
 * a day has checked all of them after ceil(100 / percent) days. A blob that was never verified
 * counts as verified just before the run that first sees it, so that new blobs never delay old
 * ones. No version is locked: blobs that are removed meanwhile are no findings.
 */
export function scrubOldest(context: Context, request: OldestRequest): Promise<OldestResult> {
  return holding([() => lockForOperation(context.locks)], () => run(context, request));
}

async function run(context: Context, request: OldestRequest): Promise<OldestResult> {
  const { meta, signal, now, settings } = context;
  const startMs = performance.now();
  const startSeconds = Math.floor(now().getTime() / 1000);
  await proveKeyForReadingAll(context);
  await checkStore(context, request);
  const guard = new DamageGuard(context, { onMassDamage: 'stop', acceptDamage: request.acceptDamage });
  await guard.lookAhead();
  await redateFuture(context, startSeconds);
  const blobs = await meta.enrolBlobs(startSeconds, () => signal.throwIfAborted());
  const checks = new CheckLog(context, startSeconds + 1);
  const bad = new BadBlobRecorder(context, guard, checks);
  const feed = new OldestFeed(meta, {
    blobs: Math.ceil((blobs * request.percent) / 100),
    endMs: startMs + (request.budgetSeconds ?? Number.POSITIVE_INFINITY) * 1000,
    beforeSeconds: startSeconds + 1,
    blockSize: await largestBlock(context, settings.blockSize),
  });
  const checked = await checkBlobs(context, { feed, guard, checks, bad });
  return {
    blobs,
    blobsChecked: checked.blobs,
    bytesChecked: checked.bytes,
    outOfTime: feed.isOutOfTime,
    errors: bad.found,
    affectedVersions: [...bad.affectedVersions],
    seconds: (performance.now() - startMs) / 1000,
  };
}

interface BlobChecks {
  feed: OldestFeed;
  guard: DamageGuard;
  checks: CheckLog;
  bad: BadBlobRecorder;
}

/** @returns how much was checked. */
async function checkBlobs(context: Context, { feed, guard, checks, bad }: BlobChecks): Promise<{ blobs: number; bytes: number }> {
  const { blockSize, blobs } = feed.limits;
  const checked = { blobs: 0, bytes: 0 };
  await withPool(context, { geometry: { blockSize, sizeBytes: blockSize }, blocks: blobs }, async (pool) => {
    const meter = new Meter(blobs, pool, context.onProgress);
    meter.begin('data', 0);
    await fetchChecked(pool, context.signal, {
      ...{ jobs: feed.jobs(pool.slots.blocksPerSlot), bad, guard, checks },
      onFetched: (read) => {
        const bytes = read.reduce((sum, { size }) => sum + size, 0);
        checked.blobs += read.length;
        checked.bytes += bytes;
        meter.add(read.length, bytes);
      },
    });
    // Blobs may have been removed meanwhile, or the time was over.
    meter.add(blobs - meter.doneBlocks, 0);
  });
  return checked;
}

/**
 * Dates checks from the future now: a clock was ahead. Otherwise these blobs, and new ones with
 * them, would not be checked before that time.
 */
async function redateFuture({ meta, logger }: Context, startSeconds: number): Promise<void> {
  // Older than the checks of this scrub.
  const dated = startSeconds - 1;
  const { count, aheadSeconds } = await meta.redateFutureChecks(dated);
  if (aheadSeconds * 1000 <= CLOCK_TOLERANCE_MS) return;
  const latest = toSecondsText(new Date((dated + aheadSeconds) * 1000));
  logger.warning(`${count} blobs were verified in the future, up to ${latest}. They are dated now. ${CHECK_CLOCKS}`);
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
