import { constants, lstatSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BackyError, messageOf } from '../../errors.ts';
import { unlessAborted } from '../../model/unless-aborted.ts';

/**
 * Whether a path leads to a pipe or a character device. A file that is written under a temporary
 * name and renamed would replace it, so text goes into it directly.
 * @throws BackyError `targetRefused` for a block device, and for links of the system to open files.
 */
export function isPipe(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isBlockDevice() === true || (stats?.isFile() === true && isSystemLink(path))) {
    throw new BackyError('targetRefused', `${path} is a device. Nothing was changed.`, {
      hint: 'Name a file, or - for stdout.',
    });
  }
  return stats?.isFIFO() === true || stats?.isCharacterDevice() === true;
}

/** `/dev/stdout`, for instance: a rename would replace the link for all users of the system. */
function isSystemLink(path: string): boolean {
  return /^\/(dev|proc)\//.test(path) && lstatSync(path).isSymbolicLink();
}

/**
 * Writes text to a pipe or a character device, without blocking this thread.
 * @throws BackyError `io`, and the reason of `signal`: a thread may then still wait for the reader.
 */
export async function writeToPipe(path: string, text: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await unlessAborted(open(path, constants.O_WRONLY | constants.O_NOCTTY), signal);
    for await (const piece of text) await unlessAborted(handle.writeFile(piece), signal);
    await handle.close();
  } catch (error) {
    // A close would wait for a write that is stuck.
    if (signal.aborted) throw error;
    await handle?.close();
    if (error instanceof BackyError) throw error;
    throw new BackyError('io', `Cannot export to ${path}: ${messageOf(error)}`, {
      hint: 'Check the program that reads it.',
      cause: error,
    });
  }
}
