import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, messageOf } from '../../errors.ts';
import { syncPath } from '../../native/sync-path.ts';

/** How to write a file that is either complete or absent. */
interface WholeFileOptions<T> {
  fileName: string;
  /** For the message of an error: `export to`. */
  verb: string;
  /**
   * Writes the file under a temporary name. The file MUST exist and be durable when it resolves.
   */
  write(temporary: string): Promise<T>;
  /** Suffixes of other files that `write` may leave beside the temporary one. */
  sideFiles?: readonly string[];
}

/**
 * Writes a file under a temporary name and renames it, so that a file with the right name is always
 * complete. On failure nothing of it is left. Anything but a BackyError becomes one with code `io`.
 */
export async function writeWholeFile<T>({ fileName, verb, write, sideFiles = [] }: WholeFileOptions<T>): Promise<T> {
  const temporary = `${fileName}.${process.pid}.part`;
  try {
    const result = await write(temporary);
    renameSync(temporary, fileName);
    syncPath(dirname(fileName));
    return result;
  } catch (error) {
    for (const suffix of ['', ...sideFiles]) rmSync(temporary + suffix, { force: true });
    if (error instanceof BackyError) throw error;
    throw new BackyError('io', `Cannot ${verb} ${fileName}: ${messageOf(error)}`, {
      hint: 'Check that the folder exists, that you may write there, and its file system.',
      cause: error,
    });
  }
}
