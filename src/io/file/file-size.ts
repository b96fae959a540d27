import { fstatSync, type Stats, statSync } from 'node:fs';
import { BackyError, type ErrorCode } from '../../errors.ts';
import { sizeByLseek } from '../../native/file-calls.ts';

/**
 * Size in bytes of an open regular file or block device; anything else is refused. So is a device
 * of 0 bytes: nothing is attached to it, and its backup would be an empty valid version.
 * @param code of the error.
 */
export function sizeOfFile(fd: number, path: string, code: ErrorCode = 'io'): number {
  const stats = fstatSync(fd);
  if (stats.isFile()) return stats.size;
  refuseOtherKinds(stats, path, code);
  const sizeBytes = sizeByLseek(fd);
  if (sizeBytes > 0) return sizeBytes;
  throw new BackyError(code, `Device ${path} has 0 bytes.`, {
    hint: 'Is anything attached to it? Activate the volume, attach the loop device (losetup) or map the image first.',
  });
}

/** The stats of a path; undefined if unknown: the open then says why. */
export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Refuses pipes, sockets, folders and character devices. MUST be called before the open: opening a
 * pipe waits for its other end, and opening a device can have effects (a tape rewinds).
 */
export function refuseOtherKinds(stats: Stats, path: string, code: ErrorCode = 'io'): void {
  if (stats.isFile() || stats.isBlockDevice()) return;
  throw new BackyError(code, `${path} is neither a regular file nor a block device.`, {
    hint: 'Only these have a size: nothing else can be backed up or restored to.',
  });
}
