import { BackyError } from '../errors.ts';

/** Several holders can share a `shared` lock; `exclusive` excludes every other holder. */
export type LockMode = 'shared' | 'exclusive';

/** A held lock. */
export interface Lock {
  /** Releases it. MUST be called once. A lock that was lost can be released too. */
  release(): Promise<void>;
}

/**
 * Named locks. Taking one never waits: the caller tells the user who holds it. A lock ends with the
 * process or session that holds it.
 */
export interface LockService {
  /** Takes the lock. @returns undefined when another holder blocks it, even one of this service. */
  tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined>;
  /** Whether someone holds the lock exclusively. MUST NOT leave anything behind. */
  isHeld(name: string): Promise<boolean>;
  /** The holders of the lock in any mode, in words for people. MAY be incomplete. */
  holders(name: string): Promise<string[]>;
  /** Rejects when a held lock was lost. Costs a round trip where locks can be lost. */
  confirm(): Promise<void>;
  /** Releases all held locks. */
  close(): Promise<void>;
}

/** Names of locks other than uids of versions (docs/spec/formats.md §6). */
export const LOCK_NAMES = {
  /**
   * Held by operations that need the whole installation (cleanup -f, rekey), those of the original
   * too.
   */
  installation: 'backy',
  /** Held shared by every one of our operations, so that the holder of `installation` sees them. */
  operations: 'backy-operations',
  fastCleanup: 'backy-cleanup-fast',
  /** Held by imports (shared), and by what must not run beside one. */
  imports: 'backy-imports',
  /** Held while a store gets its id. */
  storeId: 'backy-store-id',
  /** With `-` and a host: held by the run on that host, which is the only one. */
  run: 'backy-run',
  /** With `-` and a hash of a name: held while a job backs up versions of that name. */
  job: 'backy-job',
  /** Held by the run that does the upkeep. */
  upkeep: 'backy-upkeep',
  /** With `-` and a folder of the catalogue: held while that folder is written or collected. */
  catalogue: 'backy-catalogue',
} as const;

/** Characters of a lock's name. Others could make its file leave lock_dir. */
const SAFE_NAME = /^[A-Za-z0-9._-]{1,200}$/;

/** Refuses names that are invalid for a service. */
export function checkLockName(name: string): void {
  if (!SAFE_NAME.test(name)) throw new BackyError('refused', `"${name}" can't be the name of a lock.`);
}
