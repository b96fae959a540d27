import { chmodSync, constants, fchmodSync, openSync, statSync } from 'node:fs';

/** Mode of what is created unless `file_mode` says otherwise: only its owner may use it. */
export const OWNER_ONLY = 0o600;

const GROUP_AND_OTHERS = 0o077;
const SPECIAL_BITS = 0o7000;

/**
 * Creates a file with exactly this mode and opens it for reading and writing. The umask does
 * not apply: `file_mode` is explicit. Throws the system's errors, EEXIST too.
 */
export function createFile(path: string, mode: number): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, mode);
  if (isShared(mode)) fchmodSync(fd, mode);
  return fd;
}

/** Mode of a folder for files of this mode: those who may read them may enter it. */
export function folderMode(fileMode: number): number {
  return fileMode | ((fileMode & 0o444) >> 2);
}

/** Gives a new folder what the umask took from {@link folderMode}. */
export function shareNewFolder(path: string, fileMode: number): void {
  // Bits that a folder inherits, such as setgid, stay.
  if (isShared(fileMode)) chmodSync(path, (statSync(path).mode & SPECIAL_BITS) | folderMode(fileMode));
}

/** Whether anybody but the owner may use it, so that a umask matters. */
export function isShared(mode: number): boolean {
  return (mode & GROUP_AND_OTHERS) !== 0;
}
