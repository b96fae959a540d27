import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { printableName } from './printable-name.ts';

/** A line of /proc/locks: `1: FLOCK  ADVISORY  WRITE 4711 fd:01:123456 0 EOF`. */
const FLOCK_LINE = /^\d+: FLOCK +\w+ +\w+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /;

/** A process that holds a flock. */
export interface FlockHolder {
  pid: number;
  /** Such as `backy2 on web1, pid 4711`. */
  text: string;
}

/**
 * Other processes that hold a flock on a file or folder. Does not see other hosts, other
 * containers, and file systems that show another device number than they have.
 */
export function flockHolders(path: string): FlockHolder[] {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    const lines = readFileSync('/proc/locks', 'utf8').split('\n');
    const pids = lines.flatMap((line) => {
      const [, pid, major, minor, inode] = FLOCK_LINE.exec(line) ?? [];
      const isOurs = inode === String(ino) && deviceNumber(`0x${major}`, `0x${minor}`) === dev;
      return isOurs && Number(pid) > 0 && Number(pid) !== process.pid ? [Number(pid)] : [];
    });
    return [...new Set(pids)].map((pid) => ({ pid, text: `${nameOf(pid)} on ${hostname()}, pid ${pid}` }));
  } catch {
    return [];
  }
}

/** Does the same as glibc's makedev(3). */
function deviceNumber(majorText: string, minorText: string): bigint {
  const [major, minor] = [BigInt(majorText), BigInt(minorText)];
  return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
}

function nameOf(pid: number): string {
  try {
    return printableName(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  } catch {
    return 'a process';
  }
}
