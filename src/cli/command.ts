import type { Readable } from 'node:stream';
import type { Backy } from '../core/backy.ts';
import type { StatusSubject } from './live/status-text.ts';
import type { TableData } from './output/table-data.ts';

/** The global options, as they stand before the subcommand. */
export interface GlobalOptions {
  verbose?: true;
  debug?: true;
  machineOutput?: true;
  skipHeader?: true;
  humanReadable?: true;
  configfile?: string;
  json?: true;
  color?: boolean;
}

/** What a command returns; the renderer prints it. */
export interface Outcome {
  /** Printed as a table, machine lines or JSON. */
  table?: TableData;
  /** What was done; printed with `--json` alone. */
  result?: Record<string, unknown>;
  /** What a long answer consists of: with `--json` printed as an array, one by one, in place of `text`. Not started otherwise. */
  items?: AsyncIterable<Record<string, unknown>>;
  /** A line for the log at the end. */
  message?: string;
  /**
   * Data for stdout as it is; a reader that goes away ends it. With `--json` not started: `items` or `result` stand for it, or else it is a
   * usage error.
   */
  text?: AsyncIterable<string>;
  /** Lines that only `-m` prints. */
  machineLines?: string[];
  /** 0 when absent. */
  exitCode?: number;
}

/** A call of a command. */
export interface Invocation {
  args: string[];
  options: Record<string, string | boolean | undefined>;
  backy: Backy;
  stdin: Readable;
  /** Prints a line at once, with `-m` only. */
  sayMachine(line: string): void;
  /** What is known of the result by now; a failure with `--json` tells it. */
  note(known: Record<string, unknown>): void;
  /** Names what the status lines are about. */
  watch(operation: StatusSubject['operation'], what: string): void;
  warn(text: string): void;
  /** Logs an error that does not end the command. */
  fail(text: string): void;
}

/** The words of a subcommand: parsing, help, completion and man page are made from them. */
export interface CommandWords {
  name: string;
  description: string;
  /** In commander's syntax (`<uid>`, `[name]`, `<uids...>`), with what each is. The word between the brackets decides what completes. */
  args: [syntax: string, description: string][];
  /** In commander's syntax (`-f, --force`, `-s, --source <url>`). */
  options: [flags: string, description: string][];
  /** With this option (its long name, without `--`) the argument at this position may be left out. */
  optionalWith?: { option: string; argument: number };
  /** Positions of arguments that MUST NOT show in a log. */
  secretArgs?: readonly number[];
  /** Whole command lines, with what they do. */
  examples?: [line: string, what: string][];
}

/** A subcommand about the program itself: it needs no config and no database, and nothing but its text is printed. */
export interface TextCommand extends CommandWords {
  /** @throws BackyError `usage` when an argument is wrong. */
  text(args: readonly string[]): string;
}

/** A subcommand that works on an installation: a thin handler that calls Backy and returns data. */
export interface Command extends CommandWords {
  /** False: the database need not be initialised. */
  needsDatabase?: false;
  /** Looks whether the words fit together, before anything is opened. @throws BackyError `usage`. */
  check?(args: readonly string[], options: Invocation['options']): void;
  run(invocation: Invocation): Promise<Outcome>;
}
