import { closeSync, fstatSync, statSync } from 'node:fs';
import { BackyError, messageOf } from '../../errors.ts';
import { Channel, type SettleOptions } from '../output/channel.ts';
import { callsFor } from '../output/channel-calls.ts';
import { openLog } from './open-log.ts';

/** How often to look for a rename by logrotate. */
const LOOK_EVERY_MS = 1_000;

/**
 * The logfile. Each line is appended at once; those for a full pipe wait for its reader, and some
 * are dropped. If the file was renamed or removed (logrotate), a new one takes the lines within a
 * second.
 */
export class LogFile {
  readonly #path: string;
  readonly #fileMode: number;
  #fd: number;
  #channel: Channel;
  #lookedAt = performance.now();

  /** @throws BackyError `config` if the file cannot be written. */
  constructor(path: string, fileMode: number) {
    this.#path = path;
    this.#fileMode = fileMode;
    try {
      this.#fd = openLog(path, fileMode);
      this.#channel = new Channel(callsFor(this.#fd, this.#fd));
    } catch (error) {
      if (error instanceof BackyError) throw error;
      throw new BackyError('config', `Cannot write the logfile ${path}: ${messageOf(error)}`, {
        hint: 'Create its folder, check its file system, or set logfile in section [DEFAULTS] to another file.',
        cause: error,
      });
    }
  }

  /** Appends a line. @throws Error if it, or an earlier line, cannot be written. */
  append(text: string): void {
    this.#followRename();
    const isRead = this.#channel.writeLine(`${timestamp(new Date())} [${process.pid}] ${text}\n`);
    if (!isRead) throw new Error(`nobody reads ${this.#path}`);
  }

  /** Waits for the reader of a pipe; see {@link Channel.settle}. */
  settle(options: SettleOptions): Promise<boolean> {
    return this.#channel.settle(options);
  }

  /** MUST NOT be called while lines are on their way. */
  close(): void {
    closeSync(this.#fd);
  }

  #followRename(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS || this.#channel.isBusy) return;
    this.#lookedAt = now;
    const { ino, dev } = fstatSync(this.#fd);
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there?.ino === ino && there.dev === dev) return;
    try {
      const next = openLog(this.#path, this.#fileMode);
      closeSync(this.#fd);
      this.#fd = next;
      this.#channel = new Channel(callsFor(next, next));
    } catch {
      // No new file can be created there: the old one still takes the lines.
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
