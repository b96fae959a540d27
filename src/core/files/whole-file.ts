import { chmodSync, chownSync, closeSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, messageOf } from '../../errors.ts';
import { createFile, OWNER_ONLY } from '../../native/create-file.ts';
import { syncPath } from '../../native/sync-path.ts';
import { inodeHint } from '../../native/system-limits.ts';
import type { FilePlace } from './output-place.ts';

/** How to write a file that is either complete or absent. */
interface WholeFileOptions<T> {
  place: FilePlace;
  /** Mode of a new file. An existing one keeps its own. */
  mode: number;
  /** For the message of an error: `export to`. */
  verb: string;
  /**
   * Writes the empty file with the temporary name. The file MUST be durable when it resolves.
   */
  write(temporary: string): Promise<T>;
  /** Suffixes of other files that `write` may leave beside the temporary one. */
  sideFiles?: readonly string[];
}

/**
 * Writes a file under a temporary name and renames it, so that a file with the right name is always
 * complete. On failure nothing of it is left. Anything but a BackyError becomes one with code `io`.
 */
export async function writeWholeFile<T>({ place, mode, verb, write, sideFiles = [] }: WholeFileOptions<T>): Promise<T> {
  const { name, path, existing } = place;
  const temporary = `${path}.${process.pid}.part`;
  try {
    // A dead process may have had the same id: in a container, it is always the same.
    rmSync(temporary, { force: true });
    closeSync(createFile(temporary, OWNER_ONLY));
    const result = await write(temporary);
    if (existing === undefined) chmodSync(temporary, mode);
    else keepRights(temporary, existing, mode);
    renameSync(temporary, path);
    syncPath(dirname(path));
    return result;
  } catch (error) {
    for (const suffix of ['', ...sideFiles]) rmSync(temporary + suffix, { force: true });
    if (error instanceof BackyError) throw error;
    throw cannotWrite(verb, name, error);
  }
}

/** The error of an output that can't be written. */
export function cannotWrite(verb: string, path: string, error: unknown): BackyError {
  return new BackyError('io', `Cannot ${verb} ${path}: ${messageOf(error)}`, {
    hint: inodeHint(error, dirname(path)) ?? 'Check that the folder exists, that you may write there, and its file system.',
    cause: error,
  });
}

/**
 * Gives a file owner, group and mode of the one that it replaces. A user who can't give it to the
 * group sets `mode` instead: the old mode would admit another group.
 */
function keepRights(path: string, { uid, gid, mode: old }: Stats, mode: number): void {
  if (!tryChown(path, uid, gid)) tryChown(path, statSync(path).uid, gid);
  chmodSync(path, statSync(path).gid === gid ? old & 0o777 : mode);
}

function tryChown(path: string, uid: number, gid: number): boolean {
  try {
    chownSync(path, uid, gid);
    return true;
  } catch {
    return false;
  }
}
