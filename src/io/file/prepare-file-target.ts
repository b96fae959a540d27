import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { createFile } from '../../native/create-file.ts';
import { dropPageCache } from '../../native/file-calls.ts';
import { syncPath } from '../../native/sync-path.ts';
import { inodeHint } from '../../native/system-limits.ts';
import { nothingToKeep, type TargetNeeds } from '../target-needs.ts';
import { refuseDeviceFolder } from './device-folder.ts';
import { discardDevice, emptyFile } from './discard.ts';
import { refuseOtherKinds, sizeOfFile, statIfThere } from './file-size.ts';
import { pathHint } from './path-hint.ts';

/**
 * The calls that make a new target durable. Handed in, so that a test can record them and let one
 * fail.
 */
export interface NewTargetCalls {
  fsync(fd: number): void;
  /** Makes the names in a folder durable. */
  syncPath(path: string): void;
}

const newTargetCalls: NewTargetCalls = { fsync: fsyncSync, syncPath };

/** The content of a target before the restore. */
interface TargetState {
  /** It was made here, or was empty: all of it is a hole, and zeros need not be written. */
  isNew: boolean;
  /** Bytes behind the restored ones that keep what they had. */
  tailBytes: number;
}

/** A target after an attempt to discard it. */
interface DiscardedTarget extends TargetState {
  /** Whether all of it could be discarded. */
  isWhole: boolean;
}

/** A target that is large enough. */
interface PreparedTarget extends TargetState {
  /** Frees the space of an existing target. */
  discard(signal: AbortSignal): Promise<DiscardedTarget>;
  /** Lets others mount or claim a block device again. */
  release(): void;
}

const EMPTY = { isNew: true, tailBytes: 0 };
const NEW: PreparedTarget = { ...EMPTY, discard: async () => ({ ...EMPTY, isWhole: true }), release: () => {} };

/**
 * Makes sure that `path` exists and has room for `sizeBytes`. An empty file needs no `force`: a
 * restore that died before the new file had its size leaves one. Refuses a block device that is in
 * use.
 */
export function prepareFileTarget(
  path: string,
  { sizeBytes, force, fileMode, keeps }: TargetNeeds,
  calls = newTargetCalls,
): PreparedTarget {
  const stats = statIfThere(path);
  if (keeps !== undefined && (stats === undefined || (stats.isFile() && stats.size === 0)))
    throw nothingToKeep(`file://${path}`, keeps);
  if (stats === undefined || stats.isFile()) refuseDeviceFolder(path);
  const created = keeps !== undefined ? undefined : tryOpen(path, () => createFile(path, fileMode));
  if (created !== undefined) {
    initialise(created, { path, sizeBytes }, calls);
    return NEW;
  }
  if (!force) {
    throw new BackyError('targetRefused', `Target already exists: file://${path}`, {
      hint: 'Restore with -f to overwrite it, or name another target.',
    });
  }
  return takeExisting(path, { sizeBytes, stats, keeps }, calls);
}

function takeExisting(
  path: string,
  { sizeBytes, stats, keeps }: Pick<TargetNeeds, 'sizeBytes' | 'keeps'> & { stats: Stats | undefined },
  calls: NewTargetCalls,
): PreparedTarget {
  // For a folder, the open says so.
  if (stats !== undefined && !stats.isDirectory()) refuseOtherKinds(stats, path, 'targetRefused');
  const isDevice = stats?.isBlockDevice() === true;
  const fd = openExisting(path, isDevice ? constants.O_EXCL : 0);
  const opened = fstatSync(fd);
  if (opened.isFile() && opened.size === 0) {
    initialise(fd, { path, sizeBytes }, calls);
    return NEW;
  }
  let tailBytes: number;
  try {
    tailBytes = checkSize(fd, path, sizeBytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  // After a write that failed, memory may have what the disk has not, as if it were written.
  if (keeps === '--delta') dropPageCache(fd, 0, 0);
  const existing = { isNew: false, tailBytes };
  const whole = sizeBytes + tailBytes;
  if (isDevice) {
    const discard = async (signal: AbortSignal) => {
      const discarded = await discardDevice({ fd, sizeBytes: whole }, signal);
      return { isNew: false, tailBytes: discarded === 0 ? tailBytes : 0, isWhole: discarded === whole };
    };
    return { ...existing, discard, release: () => closeSync(fd) };
  }
  closeSync(fd);
  const discard = async () => {
    emptyFile(path, whole);
    return { ...EMPTY, isWhole: true };
  };
  return { ...existing, discard, release: () => {} };
}

/** Gives the new file its size, and makes its entry in the folder durable. */
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

/**
 * `O_EXCL` without O_CREAT claims a block device: the kernel refuses one that is mounted or belongs
 * to LVM, md or swap.
 */
function openExisting(path: string, exclusive: number): number {
  const fd = tryOpen(path, () => openSync(path, constants.O_RDWR | exclusive));
  if (fd === undefined) throw new BackyError('io', `Target ${path} vanished.`, { hint: 'It was removed just now: try again.' });
  return fd;
}

/** @returns the bytes that it is longer. */
function checkSize(fd: number, path: string, sizeBytes: number): number {
  const has = sizeOfFile(fd, path, 'targetRefused');
  if (has >= sizeBytes) return has - sizeBytes;
  throw new BackyError('targetRefused', `Target size is too small. Has ${has}b, need ${sizeBytes}b.`, {
    hint: `Enlarge ${path} or name another target.`,
  });
}

/** Undefined when O_EXCL fails since the file exists. */
function tryOpen(path: string, open: () => number): number | undefined {
  try {
    return open();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return undefined;
    if (errno === 'EBUSY') {
      throw new BackyError('targetRefused', `Target ${path} is in use: mounted, LVM, md or swap.`, {
        hint: `Unmount or deactivate it first: lsblk ${path} shows what uses it.`,
        cause: error,
      });
    }
    throw new BackyError('io', `Cannot open target ${path}: ${messageOf(error)}`, {
      hint: inodeHint(error, dirname(path)) ?? pathHint(path, 'Check that its folder exists and that you may write there.'),
      cause: error,
    });
  }
}
