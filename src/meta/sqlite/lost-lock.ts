import { existsSync, realpathSync } from 'node:fs';
import { isLockedByAnother } from '../../native/file-calls.ts';
import { descriptorsOf } from './descriptors.ts';

/** Another process may let go just when we look, but not each time, in all of these looks, with hundreds of our attempts between them. */
const LOOKS = 8;
const LOOK_EVERY_MS = 1_000;

/**
 * Tells a database that another process has from one that nobody has. When the system fails to give a lock back, SQLite counts it as taken, and
 * answers each further attempt of this process with SQLITE_BUSY: waiting for that has no end.
 */
export class LostLockWatch {
  readonly #path: string;
  #nextLook = LOOK_EVERY_MS;
  #without = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * To be called again and again while SQLite says that the database is busy; costs some dozen system calls once a second.
   * @returns true once it is sure that no other process has a lock: one that only reads counts as well, as some waits are for it.
   */
  isLost(waitedMs: number): boolean {
    if (waitedMs < this.#nextLook) return false;
    this.#nextLook = waitedMs + LOOK_EVERY_MS;
    const files = openFiles(this.#path);
    this.#without = files.length > 0 && !files.some(isLockedByAnother) ? this.#without + 1 : 0;
    return this.#without >= LOOKS;
  }
}

/** What SQLite has open of the database. A descriptor of our own won't do: closing it would give SQLite's locks back. */
function openFiles(path: string): number[] {
  if (!existsSync(path)) return [];
  const file = realpathSync(path);
  return descriptorsOf(file, `${file}-shm`);
}
