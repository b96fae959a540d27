import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import { tryFlock } from '../native/file-calls.ts';
import { checkLockName, type Lock, type LockMode, type LockService } from './lock.ts';

/**
 * Who gives a lock back holds it exclusively for a moment, to remove its file, and who only looks holds it shared: such a holder is gone
 * after some milliseconds, a real one is not.
 */
const PASSING_MS = 100;
const RETRY_MS = 3;

/**
 * Locks on this host: `<lock_dir>/backy_<name>.lock` and flock(2), as the original has them (formats.md §6),
 * so that both programs exclude each other. A dead process's lock vanishes with it.
 */
export class FileLockService implements LockService {
  readonly #lockDir: string;
  readonly #flock: typeof tryFlock;
  /** Locks that were taken and not given back. */
  readonly #held = new Set<Lock>();

  /**
   * @param lockDir an existing folder; the empty string means no locking at all.
   * @param flock takes the lock of an open file; a test lets something happen between the open and the lock.
   */
  constructor(lockDir: string, flock = tryFlock) {
    this.#lockDir = lockDir;
    this.#flock = flock;
  }

  async tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined> {
    if (this.#lockDir === '') return { release: async () => {} };
    const path = this.#pathOf(name);
    for (const giveUpAt = performance.now() + PASSING_MS; ; await sleep(RETRY_MS)) {
      const fd = this.#open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW);
      if (fd !== undefined && this.#lockOrClose(path, fd, mode)) {
        if (isStillAt(path, fd)) return this.#hold(path, fd);
        // Its last holder removed the file between our open and our flock: what we locked is a file without a name.
        closeSync(fd);
      } else if (performance.now() > giveUpAt) return undefined;
    }
  }

  async isHeld(name: string): Promise<boolean> {
    if (this.#lockDir === '') return false;
    const path = this.#pathOf(name);
    for (const giveUpAt = performance.now() + PASSING_MS; ; await sleep(RETRY_MS)) {
      const fd = this.#open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      if (fd === undefined) return false;
      if (this.#lockOrClose(path, fd, 'shared')) {
        closeSync(fd);
        return false;
      }
      if (performance.now() > giveUpAt) return true;
    }
  }

  /** A flock does not tell whose it is. */
  async holders(): Promise<string[]> {
    return [];
  }

  /** An open file's lock can't be lost. */
  async confirm(): Promise<void> {}

  async close(): Promise<void> {
    for (const lock of [...this.#held].reverse()) await lock.release();
  }

  #hold(path: string, fd: number): Lock {
    const lock = {
      release: async () => {
        // A number that is closed twice may be another file's by then.
        if (this.#held.delete(lock)) release(path, fd);
      },
    };
    this.#held.add(lock);
    return lock;
  }

  #pathOf(name: string): string {
    checkLockName(name);
    return join(this.#lockDir, `backy_${name}.lock`);
  }

  /** Undefined when the file is not there (and O_CREAT was not asked for, or the folder entry is just going). */
  #open(path: string, flags: number): number | undefined {
    try {
      return openSync(path, flags, 0o644);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' && isFolder(this.#lockDir)) return undefined;
      throw new BackyError('io', `Cannot open the lock file ${path}: ${messageOf(error)}`, {
        hint: `Create the folder ${this.#lockDir} or check its file system, or name another one as lock_dir in section DEFAULTS.`,
        cause: error,
      });
    }
  }

  #lockOrClose(path: string, fd: number, mode: LockMode): boolean {
    let held = false;
    try {
      held = this.#flock(fd, mode);
    } catch (error) {
      throw new BackyError('io', `Cannot lock ${path}: ${messageOf(error)}`, {
        hint: 'See whether its file system has locks, and the kernel log; or name another folder as lock_dir in section DEFAULTS.',
        cause: error,
      });
    } finally {
      if (!held) closeSync(fd);
    }
    return held;
  }
}

/** Whether the file that `fd` has open is the one that `path` names. */
function isStillAt(path: string, fd: number): boolean {
  try {
    const here = statSync(path, { bigint: true });
    const ours = fstatSync(fd, { bigint: true });
    return here.ino === ours.ino && here.dev === ours.dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Removes the file only while holding it alone: other readers may still hold theirs on the same file. That it can't be removed makes no
 * failure of what was done under the lock: closing gives the lock back, and the next holder removes the file.
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

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
