import { BackyError } from '../errors.ts';

/** Letters and digits only: nothing that could step out of a backend's folder or bucket, whatever a database or an import says. */
const SAFE_UID = /^[0-9A-Za-z]{5,64}$/;

/** Whether a uid may become a part of a path or a key. */
export function canNameBlob(uid: string): boolean {
  return SAFE_UID.test(uid);
}

/** Throws a BackyError (`dataBackend`) for a uid that can't name a blob. */
export function refuseUnsafeUid(uid: string): void {
  if (canNameBlob(uid)) return;
  throw new BackyError('dataBackend', `"${uid}" can't be the uid of a blob.`, {
    hint: 'A row of the database names it: look for its version with scrub, and for damage of the database.',
  });
}
