import { closeSync, fstatSync, statSync, writeSync } from 'node:fs';
import { BackyError, messageOf } from '../../errors.ts';
import { openLog } from './open-log.ts';

/** So often a file that was renamed under us is noticed. */
const LOOK_EVERY_MS = 1_000;

/**
 * The logfile. Lines are appended at once. When the file has been renamed or removed (logrotate), the next lines go to a new one of
 * its name, within a second.
 */
export class LogFile {
  readonly #path: string;
  #fd: number;
  #lookedAt = performance.now();

  /** Opens it; what can't be written is a BackyError `config`. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openLog(path);
    } catch (error) {
      if (error instanceof BackyError) throw error;
      throw new BackyError('config', `Cannot write the logfile ${path}: ${messageOf(error)}`, {
        hint: 'Create its folder or check its file system, or name another file as logfile in section DEFAULTS.',
        cause: error,
      });
    }
  }

  /** Appends a text, which gets its line feed here. Throws when it can't be written. */
  append(text: string): void {
    this.#followRename();
    writeSync(this.#fd, `${timestamp(new Date())} [${process.pid}] ${text}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #followRename(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = now;
    const { ino, dev } = fstatSync(this.#fd);
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there?.ino === ino && there.dev === dev) return;
    try {
      const next = openLog(this.#path);
      closeSync(this.#fd);
      this.#fd = next;
    } catch {
      // No new file can be made there: the old one still takes the lines.
    }
  }
}

/** `2026-11-23 04:38:13,162`, in local time, as the original's logging writes it. */
function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  return `${date} ${time},${String(now.getMilliseconds()).padStart(3, '0')}`;
}
