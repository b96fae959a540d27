import { fstatSync, statSync } from 'node:fs';
import { BackyError, messageOf } from '../../errors.ts';
import { Channel, type SettleOptions } from './channel.ts';
import { callsFor } from './channel-calls.ts';
import { isTerminal } from './terminal.ts';

/** Stays below all other lines on the terminal, and makes room for each of them. */
export interface Footer {
  /** Removes it from the screen. */
  clear(): void;
  /** Removes it for a moment, for lines that reach the terminal through a pipe. */
  giveWay(): void;
  draw(): void;
}

/** Stdout or stderr. */
export type StandardFd = 1 | 2;

/** A run that has ended gives up its last lines after this time without a reader. */
const IDLE_MS = 5_000;
/** A run that was stopped has this time to write the rest. */
const STOPPED_MS = 300;
/** A run that must end at once has this time. */
const AT_ONCE_MS = 100;

/** One per process, since there is one terminal. */
let footer: Footer | undefined;
const channels = new Map<StandardFd, Channel>();

/** Replaces the footer; undefined removes it. */
export function setFooter(next: Footer | undefined): void {
  footer?.clear();
  footer = next;
}

/**
 * Writes text, or as much as a pipe has room for; the rest follows in order. A caller with more
 * than a few pages MUST wait for {@link roomOn}.
 * @returns false if the reader has closed the pipe; further writes are useless.
 * @throws BackyError `io`, also for an earlier text.
 */
export function writeOut(fd: StandardFd, text: string): boolean {
  return aboveFooter(fd, (channel) => channel.write(text));
}

/**
 * Writes a line of the log, which nobody waits for. Lines that a slow reader has no room for are
 * dropped, and counted in a later line.
 * @throws BackyError `io`, also for an earlier line.
 */
export function writeLine(fd: StandardFd, line: string): void {
  aboveFooter(fd, (channel) => {
    const dropped = channel.takeDropped();
    if (dropped > 0) channel.writeLine(` WARNING: ${dropped} log lines are missing here: they were not read in time.\n`);
    channel.writeLine(line);
  });
}

/** Writes a part of the footer, behind all text that waits. */
export function writeFooter(text: string): void {
  try {
    channelOf(2).write(text);
  } catch {
    // Only the footer is missing then.
  }
}

/** Whether stderr has text that waits for room: a terminal that was stopped with Ctrl-S. */
export function isStderrFull(): boolean {
  return channelOf(2).isBusy;
}

/**
 * Waits until all text is on its way to the reader; undefined if it is.
 * @throws BackyError `io` if it can't be written; the reason of `signal` soon after that is
 * aborted.
 */
export function roomOn(fd: StandardFd, signal?: AbortSignal): Promise<void> | undefined {
  return channelOf(fd)
    .room({ afterAbortMs: STOPPED_MS, signal })
    ?.catch((error: unknown) => {
      throw failure(fd, error);
    });
}

/**
 * Writes the rest of stdout, stderr and `log` at the end of a run. Gives up when nobody reads it,
 * soon if `signal` is aborted.
 * @returns false if a write is stuck: only `exitNow` can end the process then.
 */
export async function settleOutput(signal: AbortSignal, log: Settling): Promise<boolean> {
  return settle({ idleMs: IDLE_MS, afterAbortMs: STOPPED_MS, signal }, [log]);
}

/** The same for a run that must end at once. */
export async function settleOutputAtOnce(): Promise<boolean> {
  return settle({ idleMs: AT_ONCE_MS, afterAbortMs: AT_ONCE_MS });
}

/** The same for a program whose only purpose was this text: it waits for the reader. */
export async function settleText(): Promise<boolean> {
  return settle({ idleMs: Infinity, afterAbortMs: Infinity });
}

type Settling = Pick<Channel, 'settle'>;

async function settle(options: SettleOptions, more: readonly Settling[] = []): Promise<boolean> {
  const all = await Promise.all([...new Set<Settling>([...channels.values(), ...more])].map((one) => one.settle(options)));
  return all.every((isWritten) => isWritten);
}

function aboveFooter<T>(fd: StandardFd, print: (channel: Channel) => T): T {
  const channel = channelOf(fd);
  // The reader of a pipe may print on this same terminal.
  if (isTerminal(fd)) footer?.clear();
  else footer?.giveWay();
  try {
    const result = print(channel);
    footer?.draw();
    return result;
  } catch (error) {
    throw failure(fd, error);
  }
}

/** If both lead to the same pipe (`2>&1`), they share a channel, which keeps the order of lines. */
function channelOf(fd: StandardFd): Channel {
  const known = channels.get(fd);
  if (known !== undefined) return known;
  const other = channels.get(fd === 1 ? 2 : 1);
  const channel = other !== undefined && fileOf(1) === fileOf(2) ? other : new Channel(callsFor(fd));
  channels.set(fd, channel);
  return channel;
}

/** Whether a descriptor or path leads where stdout goes, and that keeps what is written. */
export function isStdoutToo(file: number | string): boolean {
  return fileOf(1) === fileOf(file) && !fstatSync(1).isCharacterDevice();
}

function fileOf(file: number | string): string {
  try {
    const { dev, ino } = typeof file === 'number' ? fstatSync(file) : statSync(file);
    return `${dev}:${ino}`;
  } catch {
    return `closed or missing: ${file}`;
  }
}

function failure(fd: StandardFd, cause: unknown): unknown {
  // The reason of an abort.
  return cause instanceof BackyError ? cause : cannotWriteTo(fd, cause);
}

/** The error of stdout or stderr that can't be written. */
export function cannotWriteTo(fd: StandardFd, cause: unknown): BackyError {
  return new BackyError('io', `Cannot write to ${fd === 1 ? 'stdout' : 'stderr'}: ${messageOf(cause)}`, {
    hint: 'Check the disk or the program that it is redirected to.',
    cause,
  });
}
