import type { Lock, LockMode } from '../../locking/lock.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { findVersion } from './find-version.ts';
import { holding, lockForOperation, lockVersion } from './locks.ts';

type Stored = Pick<Context, 'meta' | 'locks'>;

/** A version and its lock, which MUST be released. */
export interface LockedVersion {
  version: TaggedVersion;
  lock: Lock;
}

/**
 * Runs an operation on a version: registers it, locks the version and releases both locks at the
 * end. `body` MAY add locks to those that are held.
 * @throws BackyError `notFound` or `locked`, before anything is done.
 */
export async function withVersion<T>(
  { meta, locks }: Stored,
  uid: string,
  mode: LockMode,
  body: (version: TaggedVersion, held: Lock[]) => Promise<T>,
): Promise<T> {
  await findVersion(meta, uid);
  const takers = [() => lockForOperation(locks), () => lockVersion(locks, uid, mode)];
  // The version may have changed, or be gone, until its lock was there.
  return holding(takers, async (held) => body(await findVersion(meta, uid), held));
}

/** Locks a version, as a part of an operation that is registered already or needs not be. */
export async function lockFoundVersion({ meta, locks }: Stored, uid: string, mode: LockMode): Promise<LockedVersion> {
  await findVersion(meta, uid);
  const lock = await lockVersion(locks, uid, mode);
  try {
    return { version: await findVersion(meta, uid), lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
