import { constants, fstatSync, openSync, write as writeCallback, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ChannelCalls } from './channel.ts';
import { isTerminal } from './terminal.ts';

const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
const write = promisify(writeCallback);

/**
 * The calls for an open file. Writes to a regular file or a device such as /dev/null do not wait
 * for a reader. A pipe or a terminal is opened once more, non-blocking: the flag of `fd` itself
 * would change for all other processes that have it. Where that is impossible (a socket, the pipe
 * of another user), the thread pool waits.
 * @param now leads to the same file and never waits for a reader.
 */
export function callsFor(fd: number, now = nonBlocking(fd)): ChannelCalls {
  const blocking = async (bytes: Uint8Array) => (await write(fd, bytes)).bytesWritten;
  return {
    hasReader: !isOnDisk(fd),
    write: blocking,
    writeNow: now === undefined ? undefined : (bytes) => writeSync(now, bytes),
  };
}

/** A descriptor that never waits for a reader. */
function nonBlocking(fd: number): number | undefined {
  const kind = kindOf(fd);
  if (kind === 'file') return fd;
  if (kind === 'socket') return undefined;
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // The thread pool would mix up lines and the live line of a terminal.
    return kind === 'terminal' ? fd : undefined;
  }
}

function isOnDisk(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isFile() || stats.isBlockDevice();
  } catch {
    return false;
  }
}

function kindOf(fd: number): 'pipe' | 'socket' | 'terminal' | 'file' {
  try {
    const stats = fstatSync(fd);
    if (stats.isFIFO()) return 'pipe';
    if (stats.isSocket()) return 'socket';
  } catch {
    // The descriptor is closed; the write says so.
  }
  return isTerminal(fd) ? 'terminal' : 'file';
}
