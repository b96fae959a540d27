import { createHash } from 'node:crypto';
import { closeSync, lstatSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { createFile, OWNER_ONLY } from '../../native/create-file.ts';
import { isTrusted } from '../../native/trusted-file.ts';

const DAY_MS = 86_400_000;

/**
 * A file in cachedir whose age says when something was last done, for what the database cannot
 * remember because it can't be opened. Other users may write to cachedir, so only a file of our own
 * counts.
 */
export class DailyMark {
  readonly #path: string;

  constructor({ cacheDir, engine, files }: Pick<Config, 'cacheDir' | 'engine' | 'files'>) {
    const installation = createHash('sha256')
      .update(`${engine}\n${files.map((file) => resolve(file)).join('\n')}`)
      .digest('hex')
      .slice(0, 16);
    this.#path = join(cacheDir, `backy2-run-failed-${installation}`);
  }

  isSet(): boolean {
    return this.#age() !== undefined;
  }

  /** Whether it was set within the last day. */
  isFresh(): boolean {
    const age = this.#age();
    // Set in the future: the clock was wrong.
    return age !== undefined && age < DAY_MS && age > -DAY_MS;
  }

  set(): void {
    this.remove();
    try {
      closeSync(createFile(this.#path, OWNER_ONLY));
    } catch {
      // Then it is done once more at the next run.
    }
  }

  remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // It belongs to another user, and does not count.
    }
  }

  /** Milliseconds. */
  #age(): number | undefined {
    const stats = lstatSync(this.#path, { throwIfNoEntry: false });
    return stats?.isFile() === true && isTrusted(stats.uid) ? Date.now() - stats.mtimeMs : undefined;
  }
}
