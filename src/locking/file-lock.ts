import { closeSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import { tryFlock } from '../native/file-calls.ts';
import { checkLockName, type Lock, type LockMode, type LockService } from './lock.ts';
import { foreignOwnerOf, isStillAt, type LockFile, openToLook, openToTake, removeForeign } from './lock-file.ts';
import { holdersOf, type LockHolder, noteHolder, noteRelease } from './lock-holder.ts';
import { inLockDir, type LockPlace } from './lock-place.ts';

/**
 * A holder that releases a lock holds it exclusively for a moment to remove its file; one that only
 * checks it holds it shared. Such a holder passes after some milliseconds, a real one does not.
 */
const PASSING_MS = 100;
const RETRY_MS = 3;
/** Errors of flock(2) on file systems without locks. */
const NO_LOCKS = new Set(['ENOLCK', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL']);
const NO_LOCK: Lock = { release: async () => {} };

/** Optional parts of a {@link FileLockService}. */
interface FileLockOptions {
  /** This process. Without it, others see only what the kernel tells. */
  self?: LockHolder | undefined;
  /** Takes the lock of an open file; a test makes something happen between open and lock. */
  flock?: typeof tryFlock;
}

/**
 * Locks on this host: files and flock(2), as the original has them (docs/spec/formats.md §6), so
 * that both programs exclude each other. The lock of a dead process vanishes with it.
 */
export class FileLockService implements LockService {
  readonly #place: LockPlace;
  readonly #flock: typeof tryFlock;
  readonly #self: LockHolder | undefined;
  /** Locks that were not released yet. */
  readonly #held = new Set<Lock>();

  /**
   * @param place where the files are, or a lock_dir: an existing folder; the empty string means no
   * locking at all.
   */
  constructor(place: LockPlace | string, { self, flock = tryFlock }: FileLockOptions = {}) {
    this.#place = typeof place === 'string' ? inLockDir(place) : place;
    this.#flock = flock;
    this.#self = self;
  }

  async tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined> {
    if (this.#place.folder === '') return NO_LOCK;
    const path = this.#pathOf(name);
    for (const giveUpAt = performance.now() + PASSING_MS; ; await sleep(RETRY_MS)) {
      const file = openToTake(this.#place, path, mode);
      if (file === 'none') return NO_LOCK;
      if (file !== undefined && this.#take(path, file, mode)) {
        if (isStillAt(path, file.fd)) return this.#hold(path, file.fd, mode);
        // Its last holder removed the file between our open and our flock: our lock is on a file
        // without a name.
        closeSync(file.fd);
      } else if (performance.now() > giveUpAt) return undefined;
    }
  }

  async isHeld(name: string): Promise<boolean> {
    if (this.#place.folder === '') return false;
    const path = this.#pathOf(name);
    for (const giveUpAt = performance.now() + PASSING_MS; ; await sleep(RETRY_MS)) {
      const file = openToLook(this.#place, path);
      if (file === undefined) return false;
      if (this.#lockOrClose(path, file.fd, 'shared')) {
        closeSync(file.fd);
        return false;
      }
      if (performance.now() > giveUpAt) return true;
    }
  }

  /**
   * A flock does not show its holder. Our processes note themselves in the file, and the kernel
   * lists those that it can see.
   */
  async holders(name: string): Promise<string[]> {
    if (this.#place.folder === '') return [];
    const path = this.#pathOf(name);
    const owner = foreignOwnerOf(this.#place, path);
    const whose = owner === undefined ? [] : [`the lock file ${path} belongs to ${owner}`];
    return [...whose, ...holdersOf(path, this.#self)];
  }

  /** The lock of an open file can't be lost. */
  async confirm(): Promise<void> {}

  async close(): Promise<void> {
    for (const lock of [...this.#held].reverse()) await lock.release();
  }

  #hold(path: string, fd: number, mode: LockMode): Lock {
    const self = this.#self;
    if (self !== undefined) noteHolder(fd, mode, self);
    const lock = {
      release: async () => {
        // A descriptor that is closed twice may be another file by then.
        if (!this.#held.delete(lock)) return;
        if (self !== undefined && mode === 'shared') noteRelease(fd, self);
        release(path, fd);
      },
    };
    this.#held.add(lock);
    return lock;
  }

  #pathOf(name: string): string {
    checkLockName(name);
    return join(this.#place.folder, `${this.#place.prefix}${name}.lock`);
  }

  /**
   * A lock on another user's file is good only beside other holders: one that nobody holds is
   * replaced by a file of ours.
   */
  #take(path: string, file: LockFile, mode: LockMode): boolean {
    if (file.foreignOwner === undefined) return this.#lockOrClose(path, file.fd, mode);
    if (this.#lock(path, file.fd, 'exclusive')) removeForeign(path, file);
    else if (mode === 'shared') return this.#lockOrClose(path, file.fd, mode);
    else closeSync(file.fd);
    return false;
  }

  #lockOrClose(path: string, fd: number, mode: LockMode): boolean {
    let held = false;
    try {
      held = this.#lock(path, fd, mode);
    } finally {
      if (!held) closeSync(fd);
    }
    return held;
  }

  #lock(path: string, fd: number, mode: LockMode): boolean {
    try {
      return this.#flock(fd, mode);
    } catch (error) {
      const advice = NO_LOCKS.has(errnoOf(error instanceof BackyError ? error.cause : error) ?? '')
        ? 'Its file system has no locks: mount it with them'
        : 'Check its file system and the kernel log';
      throw new BackyError('io', `Cannot lock ${path}: ${messageOf(error)}`, {
        hint: `${advice}, or ${this.#place.hint}`,
        cause: error,
      });
    }
  }
}

/**
 * Removes the file only while holding it alone: other readers may hold their lock on the same file.
 * A failure to remove it is no failure of the operation: closing releases the lock, and the next
 * holder removes the file.
 */
function release(path: string, fd: number): void {
  try {
    if (tryFlock(fd, 'exclusive') && isStillAt(path, fd)) unlinkSync(path);
  } catch {
    // See above.
  } finally {
    closeSync(fd);
  }
}
