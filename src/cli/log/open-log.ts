import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, errnoOf } from '../../errors.ts';
import { foreignOwner, isOpenToOthers, isSticky, isTrusted } from '../../native/trusted-file.ts';

/** All may read it: it holds no secrets. */
const LOG_MODE = 0o644;

const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** A pipe or terminal must not hold up the work. */
const APPEND = O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK | O_NOCTTY;

/**
 * Opens a logfile for appending, without waiting for the reader of a pipe: its writes may fail with
 * EAGAIN. A new one also has the rights of `fileMode`. In a folder such as /tmp, another user could
 * plant a link or a file that redirects our lines. Such links and files are refused.
 * @throws BackyError `config` for such a file, otherwise the system's error.
 */
export function openLog(path: string, fileMode: number): number {
  const fd = openSafely(path, fileMode);
  shareNewLog(fd, fileMode);
  return fd;
}

function openSafely(path: string, fileMode: number): number {
  const folder = dirname(path);
  if (!isOpenToOthers(folder, fileMode) || isOwnLink(path, folder)) return openOwn(path);
  let fd: number;
  try {
    fd = openSync(path, APPEND | O_NOFOLLOW, LOG_MODE);
  } catch (error) {
    const there = lstatSync(path, { throwIfNoEntry: false });
    const owner = there === undefined ? undefined : foreignOwner(there, folder);
    if (there?.isSymbolicLink() === true)
      throw refused(path, `it is a symbolic link${owner === undefined ? '' : ` of ${owner}`}`);
    if (owner !== undefined) throw refused(path, `it belongs to ${owner}`);
    throw error;
  }
  const stats = fstatSync(fd);
  const owner = foreignOwner(stats, folder);
  if (owner === undefined && stats.isFile() && stats.nlink <= 1) return fd;
  closeSync(fd);
  if (owner !== undefined) throw refused(path, `it belongs to ${owner}`);
  throw refused(path, stats.isFile() ? 'it has a second name' : 'it is not a regular file');
}

function openOwn(path: string): number {
  try {
    return openSync(path, APPEND, LOG_MODE);
  } catch (error) {
    if (errnoOf(error) !== 'ENXIO') throw error;
    throw new BackyError('config', `Cannot write the logfile ${path}: it is a pipe that nobody reads, or a socket.`, {
      hint: 'Start the reader first, or set logfile in section [DEFAULTS] to a file.',
      cause: error,
    });
  }
}

/** Lets a group that shares the installation write, whatever the umask. */
function shareNewLog(fd: number, fileMode: number): void {
  const stats = fstatSync(fd);
  if (stats.size > 0 || !stats.isFile() || stats.uid !== process.geteuid?.()) return;
  if ((fileMode & ~LOG_MODE) !== 0) fchmodSync(fd, LOG_MODE | fileMode);
}

/**
 * Whether `path` is our own link in a sticky folder: nobody else can replace it before the open.
 */
function isOwnLink(path: string, folder: string): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  return there?.isSymbolicLink() === true && isTrusted(there.uid) && isSticky(folder);
}

function refused(path: string, why: string): BackyError {
  return new BackyError('config', `Cannot write the logfile ${path}: ${why}, and others can write to its folder.`, {
    hint: 'Remove it, or set logfile in section [DEFAULTS] to a file in a folder of your own, e.g. /var/log/backy2.log.',
  });
}
