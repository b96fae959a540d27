import { type BigIntStats, statSync } from 'node:fs';
import { BackyError } from '../../errors.ts';

/**
 * Tells whether the path still names the file that was opened. SQLite would continue with a removed
 * or replaced file, and its commits would be lost with that file.
 */
export class PathWatch {
  readonly #path: string;
  readonly #opened: BigIntStats | undefined;

  /** Create this as soon as the file is open. */
  constructor(path: string) {
    this.#path = path;
    this.#opened = look(path);
  }

  /** Costs one stat. @throws BackyError `database` when the path names nothing or another file. */
  check(): void {
    const now = look(this.#path);
    if (now !== undefined && now.ino === this.#opened?.ino && now.dev === this.#opened.dev) return;
    const what = now === undefined ? 'removed' : 'replaced by another file';
    throw new BackyError('database', `The database ${this.#path} was ${what} while it was in use. Nothing more was written.`, {
      hint: 'Stop all commands before you move or restore a database. See docs/database.md for a way that needs no stop.',
    });
  }
}

function look(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}
