import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import { LOCK_NAMES, type Lock, type LockService } from '../../locking/lock.ts';
import type { UnusedRequest } from '../../meta/cleanup-store.ts';
import { NoRoomError } from '../../meta/no-room.ts';
import { CHECK_CLOCKS, CLOCK_TOLERANCE_MS } from '../../model/clock.ts';
import { clockTime, toSecondsText } from '../../model/dates.ts';
import { tidyCatalogue } from '../catalogue/tidy.ts';
import type { Context } from '../context.ts';
import { durationText } from '../reports/schedulers.ts';
import { identifyStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import {
  describeHolders,
  holding,
  holdingInstallation,
  lockForOperation,
  lockOutOperations,
  refuseOtherInstances,
  tryWithoutInodes,
} from '../versions/locks.ts';
import { BlobDeletion, type DeletionCounts, warnOfKept } from './blob-deletion.ts';
import { makingRoom } from './make-room.ts';
import { searchProgress } from './search-progress.ts';
import { type FullCleanupRequest, unnamedBlobs } from './unnamed-blobs.ts';

/** Blobs that are doomed and deleted together. S3 deletes up to 1,000 with one request. */
const BATCH = 1_000;
const DAY_SECONDS = 86_400;

/** Outcome of a cleanup. */
export interface CleanupResult extends DeletionCounts {
  /** Half-written blobs of dead processes that were removed. */
  leftoversSwept: number;
  /** Blobs that nothing uses, but that were removed too recently. A full cleanup leaves none. */
  blobsWaiting: number;
  /** When the last of these may be deleted; null without any. */
  waitingUntil: Date | null;
  seconds: number;
}

/** Blobs that a cleanup deleted and left. */
type Deleted = DeletionCounts & Pick<CleanupResult, 'blobsWaiting' | 'waitingUntil'>;

const NONE_WAITS = { blobsWaiting: 0, waitingUntil: null };

/** Which blobs a fast cleanup deletes. */
export interface FastCleanupRequest {
  /** Delete candidates of any age. */
  dangerousForce: boolean;
  /** Delete only blobs whose uid starts with this. */
  prefix: string;
}

/** Work of a cleanup with an open data backend. */
interface CleanupSteps {
  /** Runs first, once the data backend is known to be the right store. */
  prepare?(backend: DataBackend): Promise<void>;
  /** How the catalogue is tidied before. */
  catalogue: Parameters<typeof tidyCatalogue>[2];
  deleteBlobs(backend: DataBackend, deletion: BlobDeletion): Promise<Deleted>;
}

/**
 * Deletes blobs of removed versions. It may run during backups: a blob is marked as doomed before
 * it is deleted, and a backup's commit checks that mark (docs/spec/semantics.md, cleanup).
 */
export async function cleanupFast(context: Context, request: FastCleanupRequest): Promise<CleanupResult> {
  const { locks } = context;
  try {
    return await holding([() => lockForOperation(locks), () => lockFastCleanup(locks)], () => runFast(context, request, false));
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    return whileAlone(context, error, () => holding([() => lockFastCleanup(locks)], () => runFast(context, request, true)));
  }
}

function runFast(context: Context, { dangerousForce, prefix }: FastCleanupRequest, isAlone: boolean): Promise<CleanupResult> {
  const minAgeSeconds = dangerousForce ? 0 : context.settings.keepRemovedSeconds;
  return runCleanup(context, {
    catalogue: { minAgeSeconds, everywhere: false },
    deleteBlobs: (backend, deletion) => {
      const candidates = { minAgeSeconds, limit: BATCH, prefix };
      return makingRoom(context, { backend, deletion, ...candidates, isAlone }, () =>
        deleteCandidates(context, deletion, candidates),
      );
    },
  });
}

/** Runs `body` unless other operations run. Throws `reason` then. */
function whileAlone<T>({ locks, logger }: Context, reason: NoRoomError, body: () => Promise<T>): Promise<T> {
  let isAlone = false;
  const alone = holding([() => lockOutOperations(locks)], () => {
    isAlone = true;
    return body();
  });
  return alone.catch((error: unknown) => {
    if (isAlone || !(error instanceof BackyError)) throw error;
    logger.warning(`The disk of the database is full. No blob is deleted while others work: ${error.message}`);
    throw reason;
  });
}

/** Two fast cleanups at once would only slow each other down. */
async function lockFastCleanup(locks: LockService): Promise<Lock> {
  const lock = await tryWithoutInodes(locks, LOCK_NAMES.fastCleanup);
  if (lock !== undefined) return lock;
  throw new BackyError('locked', 'Another backy cleanup is running.', {
    hint: `Wait until it has ended: ${await describeHolders(locks, LOCK_NAMES.fastCleanup)}`,
  });
}

/**
 * Deletes every blob that no row names. No other operation may run: blobs of a running backup have
 * no rows yet.
 */
export async function cleanupFull(context: Context, request: FullCleanupRequest): Promise<CleanupResult> {
  return holdingInstallation(context.locks, async () => {
    refuseOtherInstances(context.otherInstances());
    return runCleanup(context, {
      prepare: (backend) => backend.lockOutWriters(),
      catalogue: { minAgeSeconds: 0, everywhere: true },
      deleteBlobs: (backend, deletion) => {
        const candidates = { minAgeSeconds: context.settings.keepRemovedSeconds, limit: BATCH, prefix: request.prefix };
        return makingRoom(context, { backend, deletion, ...candidates, isAlone: true }, () =>
          deleteUnnamed(context, deletion, unnamedBlobs(context, backend, request)),
        );
      },
    });
  });
}

function runCleanup(context: Context, { prepare, catalogue, deleteBlobs }: CleanupSteps): Promise<CleanupResult> {
  const start = performance.now();
  return withStorage(context, async (backend) => {
    // A cleanup keeps no new store id: the blobs may turn out to be another database's.
    await identifyStore(context, backend, { keepsId: false });
    await prepare?.(backend);
    const deletion = new BlobDeletion(context, backend, await tidyCatalogue(context, backend, catalogue));
    const counts = await deleteBlobs(backend, deletion);
    if (deletion.kept.size > 0) await context.meta.spareBlobs([...deletion.kept]);
    if (counts.blobsDeleted > 0) await warnOfKept(context, backend);
    const leftoversSwept = await backend.sweepLeftovers();
    if (leftoversSwept > 0) context.logger.info(`Swept ${leftoversSwept} half-written blobs of dead processes.`);
    return { ...counts, leftoversSwept, seconds: (performance.now() - start) / 1000 };
  });
}

async function deleteCandidates(
  context: Context,
  deletion: BlobDeletion,
  { minAgeSeconds, limit, prefix }: Omit<UnusedRequest, 'isAlone'>,
): Promise<Deleted> {
  const { meta, logger, signal } = context;
  await deleteLeftDoomed(context, deletion);
  await redateFuture(context);
  logger.info('Deleting false positives...');
  const candidates = await meta.dropUsedCandidates(minAgeSeconds, searchProgress(context));
  logger.info('Deleting false positives: done. Now deleting blocks.');
  logger.info(`${candidates} delete candidate blocks found.`);
  for (;;) {
    signal.throwIfAborted();
    const doomed = await meta.doomCandidates(minAgeSeconds, limit, prefix);
    if (doomed.length === 0) break;
    await deletion.delete(doomed);
    logger.info(`Deleted ${deletion.blobsDeleted} blocks so far. Candidates at the start: ${candidates}.`);
  }
  logger.info(`Deleted ${deletion.blobsDeleted} blocks.`);
  return { ...deletion.counts, ...(await reportWaiting(context, minAgeSeconds, prefix)) };
}

/** Says why blobs of versions that were just removed are still there. */
async function reportWaiting(
  { meta, logger, now }: Context,
  minAge: number,
  prefix: string,
): Promise<Pick<Deleted, 'blobsWaiting' | 'waitingUntil'>> {
  const { blobs, seconds } = await meta.waitingBlobs(minAge, prefix);
  if (blobs === 0) return NONE_WAITS;
  const waitingUntil = new Date(now().getTime() + seconds * 1000);
  const waits = blobs === 1 ? '1 blob waits' : `${blobs} blobs wait`;
  const ago = minAge === 3_600 ? 'an hour' : durationText(minAge);
  logger.info(`${waits} until ${untilText(minAge, waitingUntil)} (removed less than ${ago} ago).`);
  return { blobsWaiting: blobs, waitingUntil };
}

/** A time of today or tomorrow alone is clear if it is less than a day ahead. */
function untilText(minAge: number, until: Date): string {
  return minAge < DAY_SECONDS ? clockTime(until) : `${toSecondsText(until)} UTC`;
}

/**
 * Deletes blobs that a crashed cleanup has doomed but not deleted. Stops when a batch deletes
 * nothing.
 */
async function deleteLeftDoomed({ meta, signal }: Context, deletion: BlobDeletion): Promise<void> {
  for (;;) {
    const left = await meta.leftDoomed(BATCH + deletion.kept.size);
    if (left.length === 0) return;
    signal.throwIfAborted();
    await deletion.delete(left);
    if (!deletion.progressed) return;
  }
}

/**
 * Dates candidates from the future as of now, so that `keep_removed` begins when they were first
 * seen.
 */
async function redateFuture({ meta, logger, now }: Context): Promise<void> {
  const { count, aheadSeconds } = await meta.redateFutureCandidates();
  if (aheadSeconds * 1000 <= CLOCK_TOLERANCE_MS) return;
  const latest = toSecondsText(new Date(now().getTime() + aheadSeconds * 1000));
  logger.warning(`${count} blobs to delete were dated in the future, up to ${latest}. They are dated now. ${CHECK_CLOCKS}`);
}

async function deleteUnnamed(context: Context, deletion: BlobDeletion, unnamed: AsyncIterable<string[]>): Promise<Deleted> {
  for await (const uids of unnamed) {
    context.signal.throwIfAborted();
    await deletion.delete(uids);
  }
  context.logger.info(`Cleanup: Removed ${deletion.blobsDeleted} blobs`);
  return { ...deletion.counts, ...NONE_WAITS };
}
