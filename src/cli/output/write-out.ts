import { writeSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import { isTerminal } from './terminal.ts';

/** Stays below all other lines on the terminal, and makes room for each of them. */
export interface Footer {
  /** Removes it from the screen. */
  clear(): void;
  /** Removes it for a moment, for lines that reach the terminal through a pipe. */
  giveWay(): void;
  draw(): void;
}

/** One per process, since there is one terminal. */
let footer: Footer | undefined;

/** Replaces the footer; undefined removes it. */
export function setFooter(next: Footer | undefined): void {
  footer?.clear();
  footer = next;
}

/** Never notified: a wait on it is a sleep. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));
/** The errors when the reader has closed the pipe or the terminal is gone. */
const NO_READER = new Set(['EPIPE', 'EIO']);

/**
 * Writes all of a text to stdout (1) or stderr (2) before it returns, so that a kill loses nothing.
 * Waits while a pipe is full.
 * @returns false if the reader has closed the pipe; further writes are useless.
 */
export function writeOut(fd: 1 | 2, text: string): boolean {
  // The reader of a pipe may print on this same terminal.
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
