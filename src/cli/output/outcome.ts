import type { TableData } from './table-data.ts';

/**
 * The exit code when the reader of an image closed the pipe too early: that of a program that
 * SIGPIPE ends.
 */
export const READER_GONE = 141;

/** The result of a command, to be printed. */
export interface Outcome {
  /** Printed as a table or machine lines; as JSON if there is no `result`. */
  table?: TableData;
  /** A summary of the work; printed only with `--json`. */
  result?: Record<string, unknown>;
  /**
   * The elements of a long answer. With `--json` they are printed one by one as an array, in place
   * of `text`. Otherwise the iteration is not started.
   */
  items?: AsyncIterable<Record<string, unknown>>;
  /** The last line of the log. */
  message?: string;
  /**
   * Data that goes to stdout as it is, until it ends or the reader closes the pipe. With `--json`
   * the iteration is not started: `items` or `result` are printed instead. If the command has
   * neither, `--json` is a usage error.
   */
  text?: AsyncIterable<string>;
  /** Lines that only `-m` prints. */
  machineLines?: string[];
  /** 0 when absent. */
  exitCode?: number;
  /** The exit code grades what was found: the command itself did not fail. */
  isVerdict?: true;
}
