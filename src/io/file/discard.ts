import { closeSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { BackyError, messageOf } from '../../errors.ts';
import { discardRange } from '../../native/file-calls.ts';

/** Bytes of one request: a signal is heard after each. */
const PIECE_BYTES = 1024 ** 3;

/** A device that is open for writing, and its size. */
interface OpenDevice {
  fd: number;
  sizeBytes: number;
}

/**
 * Discards a whole device. What is discarded may read as anything.
 * @returns the bytes that were: fewer than all if the device can't, 0 if nothing has changed.
 * @param discard one range; tests hand in another.
 */
export async function discardDevice(
  { fd, sizeBytes }: OpenDevice,
  signal: AbortSignal,
  discard: typeof discardRange = discardRange,
): Promise<number> {
  for (let offset = 0; offset < sizeBytes; offset += PIECE_BYTES) {
    signal.throwIfAborted();
    if (!(await discard(fd, offset, Math.min(PIECE_BYTES, sizeBytes - offset)))) return offset;
  }
  return sizeBytes;
}

/** Frees the space of a file, which keeps its size and reads as zeros then. */
export function emptyFile(path: string, sizeBytes: number): void {
  try {
    const fd = openSync(path, 'r+');
    try {
      ftruncateSync(fd, 0);
      ftruncateSync(fd, sizeBytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new BackyError('io', `Cannot empty ${path}: ${messageOf(error)}`, {
      hint: 'Check its file system, or restore without --discard.',
      cause: error,
    });
  }
}
