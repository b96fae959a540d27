import { BackyError } from '../../errors.ts';

/** The error for one blob that can't be read while its file system works. */
export function unreadable(path: string, reason: string, cause?: unknown): BackyError {
  return new BackyError('blobUnreadable', `Blob ${path} can't be read: ${reason}`, {
    hint: 'Check the disk below the data backend, and the kernel log.',
    cause,
  });
}
