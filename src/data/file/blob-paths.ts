import { join } from 'node:path';
import { isBlobUid, refuseUnsafeUid } from '../blob-uid.ts';

const SUFFIX = '.blob';

/**
 * The folder of half-written blobs: in the backend's folder, so that a rename stays within one file
 * system.
 */
export const TEMPORARY_FOLDER = '.tmp';

/**
 * The file with the store's id. The original, which looks for `*.blob`, neither reads nor deletes
 * it.
 */
export const STORE_FILE = 'backy2-store-id';

/** The folder of all objects (docs/spec/formats.md §10). */
export const OBJECT_FOLDER = 'backy2-catalogue';

/** `<path>/<uid[0:2]>/<uid[2:4]>/<uid>.blob` (docs/spec/formats.md §4). */
export function blobPath(root: string, uid: string): string {
  return join(blobFolder(root, uid), uid + SUFFIX);
}

/** The folder that {@link blobPath} lies in. */
export function blobFolder(root: string, uid: string): string {
  refuseUnsafeUid(uid);
  return join(root, uid.slice(0, 2), uid.slice(2, 4));
}

/**
 * The uid of the blob with this file name in folder `<first>/<second>`; undefined for any other
 * file.
 */
export function uidOfFile(first: string, second: string, fileName: string): string | undefined {
  if (!fileName.endsWith(SUFFIX)) return undefined;
  const uid = fileName.slice(0, -SUFFIX.length);
  return isBlobUid(uid) && uid.startsWith(first + second) ? uid : undefined;
}
