import { realpathSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';

/** A file or folder of this installation: nothing is restored over it. */
export interface OwnFile {
  /** As "the database". */
  what: string;
  path: string;
  /** Of a folder: only files with such names in it. */
  names?: RegExp;
  /** A folder of blobs: other names of its files (hard links) are refused, too. */
  hasBlobs?: boolean;
}

/** Of the context: what must stay, and what stops a search for it. */
interface Guard {
  ownFiles: readonly OwnFile[];
  signal: AbortSignal;
}

/**
 * `ab/cd/abcd….blob`: either folder may be a symlink. Deeper ones are not followed: they may go in
 * circles.
 */
const BLOB_FOLDER_DEPTH = 2;

/** A path with what identifies it, whatever its spelling. */
interface Place {
  /** Without symlinks. */
  path: string;
  /** Device and inode; undefined: there is nothing yet. */
  inode: string | undefined;
  hasOtherNames: boolean;
}

/**
 * Refuses to write to a file of this installation or of its data folder, whatever the path's
 * spelling: symlinks, hard links and bind mounts are seen through. Code `targetRefused`.
 */
export async function refuseOwnFile(path: string, { ownFiles, signal }: Guard): Promise<void> {
  const place = placeOf(path);
  const folders = new Set(foldersAbove(place.path).map((folder) => placeOf(folder).inode));
  for (const file of ownFiles) {
    if (!isSame(place, folders, file) && !(await isLinked(place, file, signal))) continue;
    throw new BackyError('targetRefused', `Target ${path} is refused: it belongs to ${file.what}, ${file.path}.`, {
      hint: 'It would be destroyed, and this installation needs it. Name another file or device.',
    });
  }
}

/** The same for the URL of a restore target. */
export async function refuseOwnTarget(url: string, guard: Guard): Promise<void> {
  const { scheme, path } = parseIoUrl(url);
  if (scheme === 'file') await refuseOwnFile(path, guard);
}

function isSame(place: Place, folders: ReadonlySet<string | undefined>, { path, names }: OwnFile): boolean {
  const own = placeOf(path);
  if (names !== undefined) return dirname(place.path) === own.path && names.test(basename(place.path));
  if (own.path === place.path) return true;
  return own.inode !== undefined && (own.inode === place.inode || folders.has(own.inode));
}

/**
 * A hard link of a blob has another path. Only files with several names are looked for: that walks
 * all of the folder.
 */
async function isLinked(place: Place, { path, hasBlobs }: OwnFile, signal: AbortSignal): Promise<boolean> {
  if (hasBlobs !== true || place.inode === undefined) return false;
  const name = basename(place.path);
  // A folder of blobs may be a symlink to another disk.
  if (placeOf(join(path, name.slice(0, 2), name.slice(2, 4), name)).inode === place.inode) return true;
  return place.hasOtherNames && (await holdsInode({ folder: path, depth: 0 }, place.inode, signal));
}

async function holdsInode(
  { folder, depth }: { folder: string; depth: number },
  inode: string,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && depth < BLOB_FOLDER_DEPTH);
    if (isFolder ? await holdsInode({ folder: path, depth: depth + 1 }, inode, signal) : inodeOf(path)?.id === inode) return true;
  }
  return false;
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [above, ...foldersAbove(above)];
}

function placeOf(path: string): Place {
  const inode = inodeOf(path);
  return { path: realPathOf(path), inode: inode?.id, hasOtherNames: inode?.hasOtherNames ?? false };
}

function inodeOf(path: string): { id: string; hasOtherNames: boolean } | undefined {
  try {
    const stats = statSync(path, { bigint: true });
    return { id: `${stats.dev}:${stats.ino}`, hasOtherNames: stats.isFile() && stats.nlink > 1n };
  } catch {
    return undefined;
  }
}

/** Of a file that is to be made: its folder's. */
function realPathOf(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const above = dirname(absolute);
    return above === absolute ? absolute : join(realPathOf(above), basename(absolute));
  }
}
