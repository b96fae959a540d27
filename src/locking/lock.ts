import { BackyError } from '../errors.ts';

/**
 * Several readers may hold a `shared` lock of one name at once; `exclusive` excludes every other
 * holder.
 */
export type LockMode = 'shared' | 'exclusive';

/** A lock that is held. */
export interface Lock {
  /**
   * Gives it back. MUST be called once; a holder that dies gives it back too. One that was lost
   * meanwhile is given back as well.
   */
  release(): Promise<void>;
}

/**
 * Named locks. Taking one never waits: whoever is refused tells the user who is in the way.
 * A lock is gone with the process (or session) that holds it, however that ends.
 */
export interface LockService {
  /**
   * Takes the lock, or returns undefined when someone else's stands in the way, another one of this
   * service included.
   */
  tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined>;
  /** Whether someone holds the lock exclusively. MUST NOT leave anything behind. */
  isHeld(name: string): Promise<boolean>;
  /**
   * Who holds the lock in whatever mode, in words for people, as far as the service knows: it MAY
   * know of nobody.
   */
  holders(name: string): Promise<string[]>;
  /**
   * Rejects when locks that were taken and not released are not held any more. Costs a round trip
   * where locks can be lost.
   */
  confirm(): Promise<void>;
  /** Gives back what was not released. */
  close(): Promise<void>;
}

/** Names of locks beside the versions' uids (formats.md §6). */
export const LOCK_NAMES = {
  /**
   * Held by whoever needs the whole installation (cleanup -f, rekey); the original holds it too.
   */
  installation: 'backy',
  /** Held shared by every one of our operations, so that the holder of `installation` sees them. */
  operations: 'backy-operations',
  fastCleanup: 'backy-cleanup-fast',
  /** Held while a store gets its id. */
  storeId: 'backy-store-id',
} as const;

/** Letters that a lock's name may bring into a file name; anything else could leave lock_dir. */
const SAFE_NAME = /^[A-Za-z0-9._-]{1,200}$/;

/** Refuses names that are none on every service. */
export function checkLockName(name: string): void {
  if (!SAFE_NAME.test(name)) throw new BackyError('refused', `"${name}" can't be the name of a lock.`);
}
