import { closeSync, constants, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { type FlockHolder, flockHolders } from '../native/flock-holders.ts';
import { printableName } from '../native/printable-name.ts';
import type { LockMode } from './lock.ts';

/** The process that holds a lock, for others that wait for it. */
export interface LockHolder {
  command: string;
  host: string;
  pid: number;
}

/** The end of a lock file that is read: files that are shared without a break grow. */
const READ_BYTES = 65_536;

const NOTE = /^([+-])backy2 (\S+) on (\S+), pid (\d{1,10})$/;

/** `backy2 cleanup on web1, pid 4711`. */
export function holderText({ command, host, pid }: LockHolder): string {
  return `backy2 ${command} on ${host}, pid ${pid}`;
}

/**
 * Notes the holder in its locked file. A note is for messages only: a file that can't be written
 * has none.
 */
export function noteHolder(fd: number, mode: LockMode, holder: LockHolder): void {
  try {
    // Notes of holders that died.
    if (mode === 'exclusive') ftruncateSync(fd, 0);
    writeSync(fd, `+${holderText(holder)}\n`);
  } catch {
    // See above.
  }
}

/** Notes that the holder leaves a file that others may still hold. */
export function noteRelease(fd: number, holder: LockHolder): void {
  try {
    writeSync(fd, `-${holderText(holder)}\n`);
  } catch {
    // See noteHolder.
  }
}

/**
 * The holders of a lock file but for `self`: those noted in it, on any host, and other processes of
 * this host that hold it, such as the original.
 */
export function holdersOf(path: string, self: LockHolder | undefined): string[] {
  const running = flockHolders(path);
  const noted = readNotes(path).filter((holder) => !isSelf(holder, self) && isRunning(holder, self, running));
  const known = new Set(noted.filter(({ host }) => host === self?.host).map(({ pid }) => pid));
  return [...noted.map(holderText), ...running.filter(({ pid }) => !known.has(pid)).map(({ text }) => text)];
}

function isSelf({ host, pid }: LockHolder, self: LockHolder | undefined): boolean {
  return host === self?.host && pid === self.pid;
}

/** False for a note of a process of this host that was killed. Others can't be asked. */
function isRunning({ host, pid }: LockHolder, self: LockHolder | undefined, running: readonly FlockHolder[]): boolean {
  if (host !== self?.host) return true;
  return running.length > 0 ? running.some((holder) => holder.pid === pid) : existsSync(`/proc/${pid}`);
}

function readNotes(path: string): LockHolder[] {
  const holders = new Map<string, LockHolder>();
  for (const line of readEnd(path).split('\n')) {
    const [, sign, command = '', host = '', pid = ''] = NOTE.exec(line) ?? [];
    // Others may be able to write to the file.
    const holder = { command: printableName(command), host: printableName(host), pid: Number(pid) };
    if (sign === '+') holders.set(holderText(holder), holder);
    else if (sign === '-') holders.delete(holderText(holder));
  }
  return [...holders.values()];
}

function readEnd(path: string): string {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) return '';
      const bytes = Buffer.alloc(Math.min(stats.size, READ_BYTES));
      return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, stats.size - bytes.length));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
