import { writeSync } from 'node:fs';
import { errnoOf, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { printable } from '../output/printable.ts';
import { isTerminal } from '../output/terminal.ts';
import { LogFile } from './log-file.ts';

type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

const RANK: Record<Level, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };
/** Before and after a level's name: dim, plain, yellow, red. */
const COLOURS = {
  DEBUG: ['\x1b[2m', '\x1b[22m'],
  INFO: ['', ''],
  WARNING: ['\x1b[33m', '\x1b[39m'],
  ERROR: ['\x1b[31m', '\x1b[39m'],
};

/** What reaches the console and the logfile. */
export interface LogOptions {
  console: Level;
  file: Level;
  /** Colour the levels, where the console is a terminal. */
  color: boolean;
}

/**
 * The program's log: lines on the console (`    INFO: text`; ERROR on stderr, the rest on stdout) and in the logfile.
 * Writes at once, so that nothing is lost when the process dies. What names and messages hold can't make lines of its own, and
 * secrets that are known are not shown.
 */
export class ConsoleLog implements Logger {
  readonly #options: LogOptions;
  #file: LogFile | undefined;
  #secrets: readonly string[] = [];

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Opens the logfile; what can't be written is a clear error. */
  openFile(path: string): void {
    this.#file = new LogFile(path);
  }

  /** From now on these texts, none of which is empty, are not shown. */
  hide(secrets: readonly string[]): void {
    this.#secrets = secrets;
  }

  debug(text: string): void {
    this.#log('DEBUG', this.#clean(text));
  }
  info(text: string): void {
    this.#log('INFO', this.#clean(text));
  }
  warning(text: string): void {
    this.#log('WARNING', this.#clean(text));
  }
  error(text: string): void {
    this.#log('ERROR', this.#clean(text));
  }

  /** An error of several lines, such as a stack: all but the first are indented, so that none can pass for a line of the log. */
  errorLines(text: string): void {
    const lines = text.split('\n').map((line) => this.#clean(line));
    this.#log('ERROR', lines.map((line, index) => (index === 0 || /^ {4}/.test(line) ? line : `    ${line}`)).join('\n'));
  }

  /** For the logfile alone: it is on the screen already. */
  fileOnly(text: string): void {
    if (RANK.INFO >= RANK[this.#options.file]) this.#toFile(this.#clean(text));
  }

  /** Somebody asked: goes to stderr, whatever the levels, and into the logfile. */
  answer(text: string): void {
    const clean = this.#clean(text);
    this.#toConsole(2, 'INFO', clean);
    this.#toFile(clean);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #clean(text: string): string {
    return printable(this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text));
  }

  #log(level: Level, text: string): void {
    if (RANK[level] >= RANK[this.#options.console]) this.#toConsole(level === 'ERROR' ? 2 : 1, level, text);
    if (RANK[level] >= RANK[this.#options.file]) this.#toFile(text);
  }

  #toConsole(fd: 1 | 2, level: Level, text: string): void {
    const head = level.padStart(8);
    const [before, after] = COLOURS[level];
    try {
      writeOut(fd, `${this.#options.color && isTerminal(fd) ? `${before}${head}${after}` : head}: ${text}\n`);
    } catch (error) {
      // A full disk below the redirected output must not stop a backup either.
      this.#toFile(`Cannot write to ${fd === 1 ? 'stdout' : 'stderr'}: ${messageOf(error)}`);
    }
  }

  #toFile(text: string): void {
    try {
      this.#file?.append(text);
    } catch (error) {
      // A full disk must not stop a backup; it must not go unseen either.
      this.close();
      this.#toConsole(2, 'ERROR', `Cannot write to the logfile any more: ${messageOf(error)}`);
    }
  }
}

/** What stands on the terminal below all lines that are written: it makes room for each of them. */
export interface Footer {
  /** Takes it off the screen. */
  clear(): void;
  /** Takes it off the screen for a moment, for lines that come by another way. */
  giveWay(): void;
  draw(): void;
}

/** One a process, as there is one terminal. */
let footer: Footer | undefined;

/** From now on, lines make it give way; undefined: there is none any more. */
export function setFooter(next: Footer | undefined): void {
  footer?.clear();
  footer = next;
}

/** Nobody ever notifies it: a wait on it is a sleep. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));
/** The reader of a pipe is gone; the terminal is gone. */
const NO_READER = new Set(['EPIPE', 'EIO']);

/**
 * Writes text to stdout (1) or stderr (2), whole, before it returns: a killed process has then said what it said.
 * A reader that went away is no error; a pipe that is full is waited for.
 * @returns false when the reader went away: nobody will see what follows either.
 */
export function writeOut(fd: 1 | 2, text: string): boolean {
  // Who reads a pipe may write on this same terminal.
  if (isTerminal(fd)) footer?.clear();
  else footer?.giveWay();
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = errnoOf(error) ?? '';
      if (NO_READER.has(code)) return false;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(NEVER, 0, 0, 5);
    }
  }
  footer?.draw();
  return true;
}
