import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { inodeHint } from '../../native/system-limits.ts';

/**
 * Failures of one file on a working file system: bad sectors, damaged metadata, something else
 * under its name.
 */
const UNREADABLE = new Set(['EIO', 'EISDIR', 'EUCLEAN', 'EBADMSG', 'EILSEQ', 'ELOOP', 'ENXIO']);

/** Whether an error concerns one file alone. */
export function isUnreadable(error: unknown): boolean {
  return UNREADABLE.has(errnoOf(error) ?? '');
}

/** The error for a failed call below the data folder `root`. */
export function fileFailure(what: string, error: unknown, root: string): BackyError {
  if (error instanceof BackyError) return error;
  return new BackyError('dataBackend', `${what}: ${messageOf(error)}`, { hint: hintFor(error, root), cause: error });
}

function hintFor(error: unknown, root: string): string {
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT')
    return inodeHint(error, root) ?? 'Free space on the file system of the data backend.';
  if (errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS') return 'Check owner, mode and mount options of the folder.';
  return 'Check the file system of the data backend and the path in section DataBackend.';
}
