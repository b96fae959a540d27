import { closeSync, constants, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { sizeOfFile } from './file-size.ts';

/**
 * Makes sure that `path` exists and has room for `sizeBytes`.
 * @returns true when the file was made here: it is all holes, so zeros need not be written.
 */
export function prepareFileTarget(path: string, sizeBytes: number, force: boolean): boolean {
  const created = tryOpen(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL);
  if (created !== undefined) {
    initialise(created, path, sizeBytes);
    return true;
  }
  if (!force) {
    throw new BackyError('targetRefused', `Target already exists: file://${path}`, {
      hint: 'Restore with -f to overwrite it, or name another target.',
    });
  }
  checkSize(path, sizeBytes);
  return false;
}

/** The new file gets its size, and its entry in the folder is made durable. */
function initialise(fd: number, path: string, sizeBytes: number): void {
  try {
    ftruncateSync(fd, sizeBytes);
    fsyncSync(fd);
  } catch (error) {
    throw new BackyError('io', `Cannot make ${path} ${sizeBytes} bytes long: ${messageOf(error)}`, {
      hint: 'Check the space on its file system, and how large a file may be there.',
      cause: error,
    });
  } finally {
    closeSync(fd);
  }
  syncFolder(dirname(path));
}

function checkSize(path: string, sizeBytes: number): void {
  const fd = tryOpen(path, constants.O_RDWR);
  if (fd === undefined)
    throw new BackyError('io', `Target ${path} vanished.`, { hint: 'Somebody removed it just now; try again.' });
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

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
