import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import { inodeHint } from '../native/system-limits.ts';
import { foreignOwner, isOpenToOthers, isWritableByOthers, userName } from '../native/trusted-file.ts';
import type { LockMode } from './lock.ts';
import type { LockPlace } from './lock-place.ts';

/** A pipe with this name must not block. */
const SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NOT_ALLOWED = new Set(['EACCES', 'EPERM', 'EROFS']);
/** Nobody can create a lock file there. */
const IMPOSSIBLE = new Set(['EROFS', 'ENOSPC', 'EDQUOT']);

/** An open lock file. */
export interface LockFile {
  fd: number;
  /**
   * Its owner, if others can put files into the folder and the owner is neither this user nor root.
   */
  foreignOwner: string | undefined;
}

/**
 * Opens a lock file; creates a missing one. On a read-only or full file system, a reader needs no
 * lock: nobody can take the exclusive one that it would block.
 * @returns undefined when another process is removing it, `none` where no locks are possible.
 */
export function openToTake(place: LockPlace, path: string, mode: LockMode): LockFile | 'none' | undefined {
  try {
    // A user who can open a file can lock it, and so block us.
    const permissions = isWritableByOthers(place.folder, place.fileMode) ? 0o600 : 0o644;
    return checked(place, path, openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | SAFELY, permissions));
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT' && isFolder(place.folder)) return undefined;
    if (errno === 'ENOENT' && place.isOptional) return 'none';
    const isNeedless = IMPOSSIBLE.has(errno) && mode === 'shared';
    if (!NOT_ALLOWED.has(errno) && !isNeedless) throw cannotOpen(place, path, error);
    // Another user's file, or a read-only mount: locking needs no right to write.
    const reader = openAsReader(place, path);
    if (reader !== undefined) return reader;
    return isNeedless || (NOT_ALLOWED.has(errno) && place.isOptional) ? 'none' : refuse(place, path, error);
  }
}

/** Opens an existing lock file. @returns undefined when there is none. */
export function openToLook(place: LockPlace, path: string): LockFile | undefined {
  try {
    return checked(place, path, openSync(path, constants.O_RDONLY | SAFELY));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && (place.isOptional || isFolder(place.folder))) return undefined;
    if (place.isOptional && NOT_ALLOWED.has(errnoOf(error) ?? '')) return undefined;
    throw cannotOpen(place, path, error);
  }
}

/**
 * Removes another user's file, which is held exclusively: its owner could remove it while we rely
 * on it.
 * @throws BackyError `io` when that is not allowed.
 */
export function removeForeign(path: string, { fd, foreignOwner: owner }: LockFile): void {
  try {
    if (isStillAt(path, fd)) unlinkSync(path);
  } catch (error) {
    throw new BackyError('io', `The lock file ${path} belongs to ${owner} and can't be removed: ${messageOf(error)}`, {
      hint: `Remove it, or name a folder as lock_dir in section DEFAULTS that only the user of backy2 can write to: /run/backy2.`,
      cause: error,
    });
  } finally {
    closeSync(fd);
  }
}

/** The owner of a lock file, if they are not trusted. Does not open it. */
export function foreignOwnerOf(place: LockPlace, path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined || !isOpenToOthers(place.folder, place.fileMode) ? undefined : foreignOwner(stats, place.folder);
}

/** Whether `path` still names the file that `fd` has open. */
export function isStillAt(path: string, fd: number): boolean {
  const here = statSync(path, { bigint: true, throwIfNoEntry: false });
  const ours = fstatSync(fd, { bigint: true });
  return here?.ino === ours.ino && here.dev === ours.dev;
}

function openAsReader(place: LockPlace, path: string): LockFile | undefined {
  try {
    return checked(place, path, openSync(path, constants.O_RDONLY | SAFELY));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || NOT_ALLOWED.has(errnoOf(error) ?? '')) return undefined;
    throw cannotOpen(place, path, error);
  }
}

function checked({ folder, fileMode }: LockPlace, path: string, fd: number): LockFile {
  const stats: Stats = fstatSync(fd);
  if (stats.isFile()) return { fd, foreignOwner: isOpenToOthers(folder, fileMode) ? foreignOwner(stats, folder) : undefined };
  closeSync(fd);
  throw new BackyError('io', `Cannot open the lock file ${path}: it is no regular file.`, {
    hint: 'Remove it, and see who made it.',
  });
}

function refuse(place: LockPlace, path: string, error: unknown): never {
  throw cannotOpen(place, path, error);
}

function cannotOpen(place: LockPlace, path: string, error: unknown): BackyError {
  if (error instanceof BackyError) return error;
  const owner = otherOwnerOf(path);
  const whose = owner === undefined ? '' : ` (it belongs to ${owner})`;
  return new BackyError('io', `Cannot open the lock file ${path}${whose}: ${messageOf(error)}`, {
    hint: inodeHint(error, place.folder) ?? `${adviceFor(place, errnoOf(error) ?? '', owner)}, or ${place.hint}`,
    cause: error,
  });
}

function adviceFor({ folder }: LockPlace, errno: string, owner: string | undefined): string {
  if (errno === 'ENOENT') return `Create the folder ${folder}`;
  if (!NOT_ALLOWED.has(errno)) return `Check the file system of ${folder}`;
  if (owner !== undefined) return `Run all commands of this installation as the same user`;
  return `Give this user the right to write to the folder ${folder}`;
}

/** The owner of an existing file that is not this user's. */
function otherOwnerOf(path: string): string | undefined {
  const stats = statIfPossible(path);
  return stats === undefined || stats.uid === process.geteuid?.() ? undefined : userName(stats.uid);
}

function statIfPossible(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
