import type { Readable } from 'node:stream';
import type { Config } from '../config/config.ts';
import type { Backy } from '../core/backy.ts';
import type { StoreSelection } from '../core/catalogue/from-store.ts';
import type { StatusSubject } from './live/status-text.ts';
import type { ReadInput } from './options/read-input.ts';
import type { Outcome } from './output/outcome.ts';

/** The arguments and options of a subcommand, as typed. */
export interface Invocation {
  args: readonly string[];
  options: Readonly<Record<string, string | boolean | undefined>>;
}

/** Gives a running command the store and ways to report. */
export interface Session {
  backy: Backy;
  /** Aborted when the user stops the program; its reason is the error to end with. */
  signal: AbortSignal;
  /** Global options about the log, for processes that the command starts. */
  logOptions: readonly string[];
  stdin: Readable;
  /** Prints a line at once, but only with `-m`. */
  sayMachine(line: string): void;
  /** Records a part of the result. If the command fails, `--json` prints what was recorded. */
  note(known: Record<string, unknown>): void;
  /** Names the subject of the status lines. */
  watch(operation: StatusSubject['operation'], what: string): void;
  warn(text: string): void;
  say(text: string): void;
  /** Logs an error that does not end the command. */
  fail(text: string): void;
}

/** A command with checked words, ready to run. */
export type Action = (session: Session) => Promise<Outcome>;

/**
 * An argument or option: its syntax, its description, and all of its values if they are few.
 * The syntax is commander's: `<uid>`, `[name]`, `<uids...>`, `-f, --force`, `-s, --source <url>`.
 * The word between the brackets decides what the shell completes.
 */
export type WordSpec = readonly [syntax: string, description: string, values?: readonly string[]];

/** The words of a subcommand. Parsing, help, completion and man page are made from them. */
export interface CommandWords {
  name: string;
  description: string;
  args: readonly WordSpec[];
  options: readonly WordSpec[];
  /** With this option (long name without `--`), the argument at this position is optional. */
  optionalWith?: { option: string; argument: number };
  /** Positions of arguments that MUST NOT appear in a log. */
  secretArgs?: readonly number[];
  /** Whole command lines, and what each of them does. */
  examples?: readonly (readonly [line: string, what: string])[];
}

/** A subcommand about the program itself. It prints a text and needs no config and no database. */
export interface TextCommand extends CommandWords {
  /** @throws BackyError `usage` when an argument is wrong. */
  text(args: readonly string[]): string;
}

/** A subcommand that works on an installation. */
export interface Command extends CommandWords {
  /** False: the database need not be initialised. */
  needsDatabase?: false;
  /**
   * The versions to read from the catalogue in the data backend, instead of opening the database.
   * Undefined: the database is opened.
   */
  fromStore?(invocation: Invocation): StoreSelection | undefined;
  /** True: it changes or removes versions, so that their catalogue has to follow. */
  changesVersions?: true;
  /** True: the database may have another layout than the configured one. */
  anyLayout?: true;
  /** Whether the database is opened as it is: an old or missing one is an error. */
  asItIs?(invocation: Invocation): boolean;
  /** Ends within milliseconds: libc, which costs 6 ms, is loaded only for a lock. */
  isShort?: true;
  /**
   * Whether stdout gets the bytes of an image, or a page. Log lines go to stderr then, and `--json`
   * is refused.
   */
  streamsBytes?(invocation: Invocation): boolean;
  /** Log lines go to stderr: stdout gets a text that people send to a file. */
  logsToStderr?: true;
  /** Whether nothing below ERROR is logged on the console, as with `-q`. */
  isQuiet?(invocation: Invocation): boolean;
  /**
   * Whether it ends with the exit codes of monitoring plugins (docs/spec/command-line.md §2): 3 for
   * a failure.
   * @param words of the whole command line, which may be wrong.
   */
  isPlugin?(words: readonly string[]): boolean;
  /** The line on stdout for a failure, where monitoring expects one. */
  failureLine?(invocation: Invocation, message: string): string | undefined;
  /**
   * Refuses words that do not fit together, as the parser refuses an unknown option: before the
   * config file is read. @throws BackyError `usage`.
   */
  checkUsage?(invocation: Invocation): void;
  /**
   * Checks the values and returns what is to be done. MUST open no store: a typing error must not
   * create or upgrade a database. @throws BackyError for a wrong value.
   * @param read reads files that the words name.
   */
  prepare(invocation: Invocation, config: Config, read: ReadInput): Action | Promise<Action>;
}
