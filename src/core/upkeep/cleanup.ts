import type { DataBackend, DeleteOutcome } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import { LOCK_NAMES, type Lock, type LockService } from '../../locking/lock.ts';
import { CHECK_CLOCKS, CLOCK_TOLERANCE_MS } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { openStorage } from '../store/storage.ts';
import { holding, holdingInstallation, lockForOperation, refuseOtherInstances, whoHas } from '../versions/locks.ts';
import { type FullCleanupRequest, unnamedBlobs } from './unnamed-blobs.ts';

/** Blobs that are doomed, deleted and forgotten together; also what S3 deletes with one request. */
const BATCH = 1_000;
/**
 * Only candidates at least this old are deleted: a backup of the original may use a younger one.
 */
const GRACE_SECONDS = 3_600;

/** What a cleanup did. */
export interface CleanupResult {
  /** Blobs that are gone. */
  blobsDeleted: number;
  /** What they took, as stored; null where the data backend can't tell that cheaply. */
  bytesDeleted: number | null;
  /** Half-written blobs of dead processes that were swept. */
  leftoversSwept: number;
  /** Blobs that could not be deleted; the next cleanup tries again. */
  errors: DeleteOutcome['failed'];
  seconds: number;
}

type Deleted = Omit<CleanupResult, 'leftoversSwept' | 'seconds'>;

/** How the fast cleanup goes. */
export interface FastCleanupRequest {
  /** Take candidates of any age. */
  dangerousForce: boolean;
  /** Only blobs whose uid starts so. */
  prefix: string;
}

/**
 * Deletes the blobs of removed versions. Runs beside backups: a blob is doomed in the database, where a backup's commit
 * looks, before it is deleted (semantics.md, cleanup).
 */
export async function cleanupFast(context: Context, request: FastCleanupRequest): Promise<CleanupResult> {
  return holding([() => lockForOperation(context.locks), () => lockFastCleanup(context.locks)], () =>
    withBackend(context, (backend) => deleteCandidates(context, backend, request)),
  );
}

/** Two at once would only be in each other's way. */
async function lockFastCleanup(locks: LockService): Promise<Lock> {
  const lock = await locks.tryAcquire(LOCK_NAMES.fastCleanup, 'exclusive');
  if (lock !== undefined) return lock;
  throw new BackyError('locked', 'Another backy cleanup is running.', {
    hint: `Wait until it has ended: ${await whoHas(locks, LOCK_NAMES.fastCleanup)}`,
  });
}

/** Deletes every blob that no row names. Needs the whole installation, since a running backup's blobs have no rows yet. */
export async function cleanupFull(context: Context, request: FullCleanupRequest): Promise<CleanupResult> {
  return holdingInstallation(context.locks, async () => {
    refuseOtherInstances(context.otherInstances());
    return withBackend(
      context,
      (backend) => deleteUnnamed(context, backend, request),
      (backend) => backend.lockOutWriters(),
    );
  });
}

async function withBackend(
  context: Context,
  body: (backend: DataBackend) => Promise<Deleted>,
  prepare: (backend: DataBackend) => Promise<void> = async () => {},
): Promise<CleanupResult> {
  const backend = openStorage(context);
  const start = performance.now();
  try {
    // A cleanup makes no id: it may yet find that these are another database's blobs.
    await identifyStore(context, backend, { keepsId: false });
    await prepare(backend);
    const deleted = await body(backend);
    const leftoversSwept = await backend.sweepLeftovers();
    if (leftoversSwept > 0) context.logger.info(`Swept ${leftoversSwept} half-written blobs of dead processes.`);
    return { ...deleted, leftoversSwept, seconds: (performance.now() - start) / 1000 };
  } finally {
    await backend.close();
  }
}

async function deleteCandidates(context: Context, backend: DataBackend, request: FastCleanupRequest): Promise<Deleted> {
  const { meta, logger, signal } = context;
  const deletion = new Deletion(context, backend);
  // A cleanup that died after it had doomed blobs, and before they were gone.
  for (let left = await meta.leftDoomed(BATCH); left.length > 0; left = deletion.progressed ? await meta.leftDoomed(BATCH) : []) {
    signal.throwIfAborted();
    await deletion.delete(left);
  }
  await redateFuture(context);
  const minAge = request.dangerousForce ? 0 : GRACE_SECONDS;
  logger.info('Deleting false positives...');
  const candidates = await meta.dropUsedCandidates(minAge);
  logger.info('Deleting false positives: done. Now deleting blocks.');
  logger.info(`${candidates} delete candidate blocks found.`);
  for (;;) {
    signal.throwIfAborted();
    const doomed = await meta.doomCandidates(minAge, BATCH, request.prefix);
    if (doomed.length === 0) break;
    await deletion.delete(doomed);
    logger.info(`Deleted ${deletion.blobsDeleted} blocks so far. Candidates at the start: ${candidates}.`);
  }
  logger.info(`Deleted ${deletion.blobsDeleted} blocks.`);
  return deletion.counts;
}

/** With the grace, a candidate from the future goes an hour after it was first seen. */
async function redateFuture({ meta, logger, now }: Context): Promise<void> {
  const { count, aheadSeconds } = await meta.redateFutureCandidates();
  if (aheadSeconds * 1000 <= CLOCK_TOLERANCE_MS) return;
  const latest = toSecondsText(new Date(now().getTime() + aheadSeconds * 1000));
  logger.warning(`${count} blobs to delete were dated in the future, up to ${latest}. They are dated now. ${CHECK_CLOCKS}`);
}

async function deleteUnnamed(context: Context, backend: DataBackend, request: FullCleanupRequest): Promise<Deleted> {
  const deletion = new Deletion(context, backend);
  for await (const uids of unnamedBlobs(context, backend, request)) {
    context.signal.throwIfAborted();
    await deletion.delete(uids);
  }
  context.logger.info(`Cleanup: Removed ${deletion.blobsDeleted} blobs`);
  return deletion.counts;
}

/** Deletes batches of blobs, and forgets those that are really gone. */
class Deletion {
  /** Whether the last batch got rid of anything. */
  progressed = false;
  blobsDeleted = 0;
  #bytesDeleted: number | null = 0;
  /** By uid: a blob may be tried more than once. */
  readonly #failed = new Map<string, string>();
  readonly #context: Context;
  readonly #backend: DataBackend;

  constructor(context: Context, backend: DataBackend) {
    this.#context = context;
    this.#backend = backend;
  }

  get counts(): Deleted {
    const errors = [...this.#failed].map(([uid, reason]) => ({ uid, reason }));
    return { blobsDeleted: this.blobsDeleted, bytesDeleted: this.#bytesDeleted, errors };
  }

  async delete(uids: readonly string[]): Promise<void> {
    if (uids.length === 0) return;
    for (const uid of uids) this.#context.logger.debug(`Cleanup: Removing UID ${uid}`);
    const sizes = await this.#sizesOf(uids);
    // With the locks lost, another host's backup may store blobs that no row names yet.
    await this.#context.locks.confirm();
    const { deleted, failed } = await this.#backend.delete(uids);
    await this.#context.meta.forgetDoomed(deleted);
    this.blobsDeleted += deleted.length;
    for (const uid of deleted) {
      this.#failed.delete(uid);
      const bytes = sizes.get(uid);
      this.#bytesDeleted = bytes === undefined || this.#bytesDeleted === null ? null : this.#bytesDeleted + bytes;
    }
    this.progressed = deleted.length > 0;
    for (const { uid, reason } of failed) {
      this.#failed.set(uid, reason);
      this.#context.logger.error(`Cannot delete blob ${uid}: ${reason}. The next cleanup tries again.`);
    }
  }
  /** Stored bytes of those blobs whose backend can tell; a blob that is gone already takes none. */
  async #sizesOf(uids: readonly string[]): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    await Promise.all(
      uids.map(async (uid) => {
        // Whoever can't look at a blob may still delete it, or says why not.
        const probe = await this.#backend.probe(uid).catch(() => undefined);
        if (probe?.state === 'present') sizes.set(uid, probe.storedBytes);
        if (probe?.state === 'missing') sizes.set(uid, 0);
      }),
    );
    return sizes;
  }
}
