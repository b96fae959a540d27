import { BackyError } from '../errors.ts';
import { isBlobUid } from './blob-uid.ts';

/**
 * Whether a uid may become a part of a path or a key: 32 letters and digits of the right form, nothing that could step out of a backend's folder
 * or bucket, whatever a database or an import says.
 */
export function canNameBlob(uid: string): boolean {
  return isBlobUid(uid);
}

/** Throws a BackyError (`dataBackend`) for a uid that can't name a blob. */
export function refuseUnsafeUid(uid: string): void {
  if (canNameBlob(uid)) return;
  throw new BackyError('dataBackend', `"${uid}" can't be the uid of a blob.`, {
    hint: 'A row of the database names it: look for its version with scrub, and for damage of the database.',
  });
}

/** The same for who reads: that one block is bad, the storage is not. Throws a BackyError (`blobUnreadable`). */
export function refuseUnreadableUid(uid: string): void {
  if (canNameBlob(uid)) return;
  throw new BackyError('blobUnreadable', `"${uid}" can't be the uid of a blob.`, {
    hint: 'The row in the database is damaged, or was imported from a file that was made up.',
  });
}
