import { fstatSync } from 'node:fs';
import { BackyError } from '../../errors.ts';
import { sizeByLseek } from '../../native/file-calls.ts';

/** Size in bytes of an open regular file or block device; anything else has none and is refused. */
export function sizeOfFile(fd: number, path: string): number {
  const stats = fstatSync(fd);
  if (stats.isFile()) return stats.size;
  if (stats.isBlockDevice() || stats.isCharacterDevice()) return sizeByLseek(fd);
  throw new BackyError('io', `${path} is neither a regular file nor a block device.`, {
    hint: 'Only these have a size: nothing else can be backed up or restored to.',
  });
}
