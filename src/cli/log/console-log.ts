import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { SettleOptions } from '../output/channel.ts';
import { printable } from '../output/printable.ts';
import { isTerminal } from '../output/terminal.ts';
import { type StandardFd, writeLine } from '../output/write-out.ts';
import { LogFile } from './log-file.ts';

type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

const RANK: Record<Level, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3 };
/** Escape sequences before and after a level's name: dim, plain, yellow, red. */
const COLOURS = {
  DEBUG: ['\x1b[2m', '\x1b[22m'],
  INFO: ['', ''],
  WARNING: ['\x1b[33m', '\x1b[39m'],
  ERROR: ['\x1b[31m', '\x1b[39m'],
};

/** The lowest levels that reach the console and the logfile. */
interface LogOptions {
  console: Level;
  file: Level;
  /** Colours the levels if the console is a terminal. */
  color: boolean;
  /** Takes lines below ERROR. */
  linesTo: StandardFd;
}

/**
 * The program's log: lines on the console (`    INFO: text`; ERROR on stderr) and
 * in the logfile. Each line is written at once, so that none is lost when the process dies. Line
 * feeds in messages are escaped, and known secrets are hidden.
 */
export class ConsoleLog implements Logger {
  readonly #options: LogOptions;
  #file: LogFile | undefined;
  #secrets: readonly string[] = [];

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /**
   * On a read-only or full file system, only warns: one may want to restore.
   * @throws BackyError `config` if the logfile cannot be written for another reason.
   */
  openFile(path: string, fileMode: number): void {
    try {
      this.#file = new LogFile(path, fileMode);
    } catch (error) {
      const errno = error instanceof BackyError ? errnoOf(error.cause) : undefined;
      if (errno === undefined || !['EROFS', 'ENOSPC', 'EDQUOT'].includes(errno)) throw error;
      this.warning(`${messageOf(error)}. This run is not logged there.`);
    }
  }

  /** Whether lines below ERROR go to a terminal. */
  get isOnTerminal(): boolean {
    return isTerminal(this.#options.linesTo);
  }

  /** Hides these texts from now on. None may be empty. */
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

  /**
   * Logs an error of several lines, such as a stack. Indents all but the first: none can fake a log
   * line.
   */
  errorLines(text: string): void {
    const lines = text.split('\n').map((line) => this.#clean(line));
    this.#log('ERROR', lines.map((line, index) => (index === 0 || /^ {4}/.test(line) ? line : `    ${line}`)).join('\n'));
  }

  /** Logs to the logfile only: the text is already on the screen. */
  fileOnly(text: string): void {
    if (RANK.INFO >= RANK[this.#options.file]) this.#toFile(this.#clean(text));
  }

  /** Answers a signal: logs to stderr and the logfile, whatever the levels. */
  answer(text: string): void {
    const clean = this.#clean(text);
    this.#toConsole(2, 'INFO', clean);
    this.#toFile(clean);
  }

  /** Waits for the reader of a logfile that is a pipe; see {@link Channel.settle}. */
  async settle(options: SettleOptions): Promise<boolean> {
    return (await this.#file?.settle(options)) ?? true;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #clean(text: string): string {
    return printable(this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text));
  }

  #log(level: Level, text: string): void {
    if (RANK[level] >= RANK[this.#options.console]) this.#toConsole(level === 'ERROR' ? 2 : this.#options.linesTo, level, text);
    if (RANK[level] >= RANK[this.#options.file]) this.#toFile(text);
  }

  #toConsole(fd: StandardFd, level: Level, text: string): void {
    const head = level.padStart(8);
    const [before, after] = COLOURS[level];
    try {
      writeLine(fd, `${this.#options.color && isTerminal(fd) ? `${before}${head}${after}` : head}: ${text}\n`);
    } catch (error) {
      // Redirected output on a full disk must not stop a backup.
      this.#toFile(messageOf(error));
    }
  }

  #toFile(text: string): void {
    try {
      this.#file?.append(text);
    } catch (error) {
      // A full disk must not stop a backup, but the user must see it.
      this.close();
      this.#toConsole(2, 'ERROR', `Cannot write to the logfile any more: ${messageOf(error)}`);
    }
  }
}
