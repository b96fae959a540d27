import { join } from 'node:path';
import { BackyError } from '../../errors.ts';

/** Letters and digits only: nothing that could step out of the backend's folder, whatever a database or an import says. */
const SAFE_UID = /^[0-9A-Za-z]{5,64}$/;

const SUFFIX = '.blob';

/** The folder of half-written blobs, in the backend's own folder so that a rename stays within one file system. */
export const TEMPORARY_FOLDER = '.tmp';

/** `<path>/<uid[0:2]>/<uid[2:4]>/<uid>.blob` (formats.md §4). */
export function blobPath(root: string, uid: string): string {
  return join(blobFolder(root, uid), uid + SUFFIX);
}

/** The folder that {@link blobPath} lies in. */
export function blobFolder(root: string, uid: string): string {
  if (!canNameBlob(uid))
    throw new BackyError('dataBackend', `"${uid}" can't be the uid of a blob.`, {
      hint: 'A row of the database names it: look for its version with scrub, and for damage of the database.',
    });
  return join(root, uid.slice(0, 2), uid.slice(2, 4));
}

/** Whether a uid may become a part of a path. */
export function canNameBlob(uid: string): boolean {
  return SAFE_UID.test(uid);
}

/** The uid of the blob that a file name in folder `<first>/<second>` stands for; undefined for any other file. */
export function uidOfFile(first: string, second: string, fileName: string): string | undefined {
  if (!fileName.endsWith(SUFFIX)) return undefined;
  const uid = fileName.slice(0, -SUFFIX.length);
  return SAFE_UID.test(uid) && uid.startsWith(first + second) ? uid : undefined;
}
