import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { syncPath } from '../../native/sync-path.ts';
import { sizeOfFile } from './file-size.ts';

/** The calls that make a new target durable. Handed in, so that a test can see their order and let one fail. */
export interface NewTargetCalls {
  fsync(fd: number): void;
  /** Makes the names in a folder durable. */
  syncPath(path: string): void;
}

const newTargetCalls: NewTargetCalls = { fsync: fsyncSync, syncPath };

/** How much room a target needs, and whether an existing one may be overwritten. */
export interface TargetNeeds {
  sizeBytes: number;
  force: boolean;
}

/**
 * Makes sure that `path` exists and has room for `sizeBytes`.
 * @returns true when it is all holes, so that zeros need not be written: it was made here, or was empty. A restore that dies before the new file has
 * its size leaves an empty one, and `force` has nothing to overwrite there.
 */
export function prepareFileTarget(path: string, { sizeBytes, force }: TargetNeeds, calls = newTargetCalls): boolean {
  const created = tryOpen(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL);
  if (created !== undefined) {
    initialise(created, { path, sizeBytes }, calls);
    return true;
  }
  if (!force) {
    throw new BackyError('targetRefused', `Target already exists: file://${path}`, {
      hint: 'Restore with -f to overwrite it, or name another target.',
    });
  }
  const existing = openExisting(path);
  const stats = fstatSync(existing);
  if (stats.isFile() && stats.size === 0) {
    initialise(existing, { path, sizeBytes }, calls);
    return true;
  }
  checkSize(existing, path, sizeBytes);
  return false;
}

/** The new file gets its size, and its entry in the folder is made durable. */
function initialise(fd: number, { path, sizeBytes }: { path: string; sizeBytes: number }, calls: NewTargetCalls): void {
  try {
    ftruncateSync(fd, sizeBytes);
    calls.fsync(fd);
  } catch (error) {
    throw new BackyError('io', `Cannot make ${path} ${sizeBytes} bytes long: ${messageOf(error)}`, {
      hint: 'Check the space on its file system, and how large a file may be there.',
      cause: error,
    });
  } finally {
    closeSync(fd);
  }
  try {
    calls.syncPath(dirname(path));
  } catch (error) {
    throw new BackyError('io', `Cannot make the name ${path} durable: ${messageOf(error)}`, {
      hint: 'Check the file system of its folder, and the kernel log.',
      cause: error,
    });
  }
}

function openExisting(path: string): number {
  const fd = tryOpen(path, constants.O_RDWR);
  if (fd === undefined)
    throw new BackyError('io', `Target ${path} vanished.`, { hint: 'Somebody removed it just now; try again.' });
  return fd;
}

function checkSize(fd: number, path: string, sizeBytes: number): void {
  try {
    const has = sizeOfFile(fd, path);
    if (has >= sizeBytes) return;
    throw new BackyError('targetRefused', `Target size is too small. Has ${has}b, need ${sizeBytes}b.`, {
      hint: `Enlarge ${path} or name another target.`,
    });
  } finally {
    closeSync(fd);
  }
}

/** Undefined when the file is in the way of O_EXCL. */
function tryOpen(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags, 0o666);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined;
    throw new BackyError('io', `Cannot open target ${path}: ${messageOf(error)}`, {
      hint: 'Check that its folder exists and that you may write there.',
      cause: error,
    });
  }
}
