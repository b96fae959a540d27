import { existsSync, realpathSync } from 'node:fs';
import { isLockedByAnother } from '../../native/file-calls.ts';
import { descriptorsOf } from './descriptors.ts';

/**
 * Another process may release its lock just before a look, but not before each of these, with
 * hundreds of attempts in between.
 */
const LOOKS = 8;
const LOOK_EVERY_MS = 1_000;

/**
 * Tells a database that another process has from one that nobody has. When the system fails to
 * release a lock, SQLite counts it as taken and answers each attempt of this process with
 * SQLITE_BUSY: waiting would never end.
 */
export class LostLockWatch {
  readonly #path: string;
  #nextLook = LOOK_EVERY_MS;
  #without = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Call this repeatedly while SQLite says that the database is busy. Costs some dozens of system
   * calls once a second.
   * @returns true once it is sure that no other process has a lock. Readers count too, since some
   * waits are for them.
   */
  isLost(waitedMs: number): boolean {
    if (waitedMs < this.#nextLook) return false;
    this.#nextLook = waitedMs + LOOK_EVERY_MS;
    const files = openFiles(this.#path);
    this.#without = files.length > 0 && !files.some(isLockedByAnother) ? this.#without + 1 : 0;
    return this.#without >= LOOKS;
  }
}

/**
 * The descriptors of SQLite. A descriptor of our own won't do: closing it would release SQLite's
 * locks.
 */
function openFiles(path: string): number[] {
  if (!existsSync(path)) return [];
  const file = realpathSync(path);
  return descriptorsOf(file, `${file}-shm`);
}
