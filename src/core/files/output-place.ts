import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { BackyError, messageOf } from '../../errors.ts';

/** Symlinks that the kernel follows in one path. */
const MOST_LINKS = 40;

/** The place that an output goes to. */
export type OutputPlace = FilePlace | StreamPlace;

/** A regular file, or nothing yet. */
export interface FilePlace {
  kind: 'file';
  /** As typed, for messages. */
  name: string;
  /** The file itself: symlinks are resolved. */
  path: string;
  existing: Stats | undefined;
}

/** A pipe or a device: bytes go into it, and it stays what it is. */
export interface StreamPlace {
  kind: 'stream';
  /** As typed. */
  path: string;
  isPipe: boolean;
  isBlockDevice: boolean;
}

/** Looks at the path of an output. Throws a BackyError `targetRefused` for a folder or a socket. */
export function outputPlace(fileName: string): OutputPlace {
  const stats = statIfThere(fileName);
  if (stats === undefined) return { kind: 'file', name: fileName, path: endOfLinks(fileName), existing: undefined };
  if (stats.isFile()) return { kind: 'file', name: fileName, path: realpathSync(fileName), existing: stats };
  const [isPipe, isBlockDevice] = [stats.isFIFO(), stats.isBlockDevice()];
  if (isPipe || isBlockDevice || stats.isCharacterDevice()) return { kind: 'stream', path: fileName, isPipe, isBlockDevice };
  throw notRegular(fileName);
}

/** The error for an output that is no file and takes no bytes. */
export function notRegular(fileName: string): BackyError {
  return new BackyError('targetRefused', `${fileName} is not a regular file. Nothing was changed.`, { hint: 'Name a file.' });
}

function statIfThere(fileName: string): Stats | undefined {
  try {
    return statSync(fileName, { throwIfNoEntry: false });
  } catch (error) {
    throw new BackyError('targetRefused', `Cannot look at ${fileName}: ${messageOf(error)}`, {
      hint: 'Check its folder, and where its symlinks lead.',
      cause: error,
    });
  }
}

/** Where a file is created: a symlink that leads nowhere yet is followed, as a shell's `>` does. */
function endOfLinks(fileName: string): string {
  let path = resolve(fileName);
  for (let links = 0; links < MOST_LINKS; links++) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) break;
    path = resolve(realFolder(path), readlinkSync(path));
  }
  return join(realFolder(path), basename(path));
}

/** A missing folder keeps its name: creating the file says so. */
function realFolder(path: string): string {
  try {
    return realpathSync(dirname(path));
  } catch {
    return dirname(path);
  }
}
