import { closeSync, openSync, writeSync } from 'node:fs';
import { BackyError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

const RANK: Record<Level, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };

/** What reaches the console and the logfile. */
export interface LogOptions {
  console: Level;
  file: Level;
}

/**
 * The program's log: lines on the console (`    INFO: text`; ERROR on stderr, the rest on stdout) and in the logfile.
 * Writes at once, so that nothing is lost when the process dies.
 */
export class ConsoleLog implements Logger {
  readonly #options: LogOptions;
  #fd: number | undefined;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Opens the logfile; what can't be written is a clear error. */
  openFile(path: string): void {
    try {
      this.#fd = openSync(path, 'a', 0o644);
    } catch (error) {
      throw new BackyError('config', `Cannot write the logfile ${path}: ${messageOf(error)}`, {
        hint: 'Create its folder, or name another file as logfile in section DEFAULTS.',
        cause: error,
      });
    }
  }

  debug(text: string): void {
    this.#log('DEBUG', text);
  }
  info(text: string): void {
    this.#log('INFO', text);
  }
  warning(text: string): void {
    this.#log('WARNING', text);
  }
  error(text: string): void {
    this.#log('ERROR', text);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #log(level: Level, text: string): void {
    if (RANK[level] >= RANK[this.#options.console]) writeOut(level === 'ERROR' ? 2 : 1, `${level.padStart(8)}: ${text}\n`);
    if (this.#fd !== undefined && RANK[level] >= RANK[this.#options.file]) this.#toFile(text);
  }

  #toFile(text: string): void {
    if (this.#fd === undefined) return;
    try {
      writeSync(this.#fd, `${timestamp(new Date())} [${process.pid}] ${text}\n`);
    } catch (error) {
      // A full disk must not stop a backup; it must not go unseen either.
      closeSync(this.#fd);
      this.#fd = undefined;
      writeOut(2, `   ERROR: Cannot write to the logfile any more: ${messageOf(error)}\n`);
    }
  }
}

/** Nobody ever notifies it: a wait on it is a sleep. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes text to stdout (1) or stderr (2), whole, before it returns: a killed process has then said what it said.
 * A reader that went away is none of our business; a pipe that is full is waited for.
 */
export function writeOut(fd: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
      if (code === 'EAGAIN') {
        Atomics.wait(NEVER, 0, 0, 5);
        continue;
      }
      if (code === 'EPIPE') return;
      throw error;
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
