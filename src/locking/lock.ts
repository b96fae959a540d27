/** Several readers may hold a `shared` lock of one name at once; `exclusive` excludes every other holder. */
export type LockMode = 'shared' | 'exclusive';

/** A lock that is held. */
export interface Lock {
  /** Gives it back. MUST be called once; a holder that dies gives it back too. */
  release(): Promise<void>;
}

/**
 * Named locks. Taking one never waits: whoever is refused tells the user who is in the way.
 * A lock is gone with the process (or session) that holds it, however that ends.
 */
export interface LockService {
  /** Takes the lock, or returns undefined when someone else's stands in the way. */
  tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined>;
  /** Whether someone holds the lock exclusively. MUST NOT leave anything behind. */
  isHeld(name: string): Promise<boolean>;
}

/** Names of locks beside the versions' uids (formats.md §6). */
export const LOCK_NAMES = {
  /** Held by whoever needs the whole installation (cleanup -f, rekey); the original holds it too. */
  installation: 'backy',
  /** Held shared by every one of our operations, so that the holder of `installation` sees them. */
  operations: 'backy-operations',
  fastCleanup: 'backy-cleanup-fast',
} as const;
