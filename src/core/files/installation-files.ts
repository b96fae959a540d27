import { realpathSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';

/** A file or folder of this installation. No operation writes over it. */
export interface InstallationFile {
  /** For messages, such as "the database". */
  what: string;
  path: string;
  /** For a folder: only files whose names match. */
  names?: RegExp;
  /** For a folder of blobs: hard links to its files are refused too. */
  hasBlobs?: boolean;
}

/** The part of the context that a check needs. */
interface Guard {
  installationFiles: readonly InstallationFile[];
  signal: AbortSignal;
}

/** `ab/cd/abcd….blob`: both folders may be symlinks. Deeper symlinks may form a loop. */
const BLOB_FOLDER_DEPTH = 2;

/** A path and its identity, which does not depend on the spelling. */
interface Place {
  /** Without symlinks. */
  path: string;
  /** Device and inode; undefined when nothing exists at the path. */
  inode: string | undefined;
  hasOtherNames: boolean;
}

/** A folder that is searched, and its depth below the first one. */
interface SearchedFolder {
  folder: string;
  depth: number;
}

/**
 * Refuses to write to a file of this installation or of its data folder. Symlinks, hard links and
 * bind mounts do not hide such a file. Throws a BackyError `targetRefused`.
 */
export async function refuseInstallationFile(path: string, { installationFiles, signal }: Guard): Promise<void> {
  const place = placeOf(path);
  const folders = new Set(foldersAbove(place.path).map((folder) => placeOf(folder).inode));
  for (const file of installationFiles) {
    if (!isSame(place, folders, file) && !(await isLinked(place, file, signal))) continue;
    throw new BackyError('targetRefused', `Target ${path} is refused: it belongs to ${file.what}, ${file.path}.`, {
      hint: 'It would be destroyed, and this installation needs it. Name another file or device.',
    });
  }
}

/** Does the same for the URL of a restore target. */
export async function refuseInstallationTarget(url: string, guard: Guard): Promise<void> {
  const { scheme, path } = parseIoUrl(url);
  if (scheme === 'file') await refuseInstallationFile(path, guard);
}

function isSame(place: Place, folders: ReadonlySet<string | undefined>, { path, names }: InstallationFile): boolean {
  const own = placeOf(path);
  if (names !== undefined) return dirname(place.path) === own.path && names.test(basename(place.path));
  if (own.path === place.path) return true;
  return own.inode !== undefined && (own.inode === place.inode || folders.has(own.inode));
}

/** Finds hard links of blobs. It walks the whole folder, but only for files with several names. */
async function isLinked(place: Place, { path, hasBlobs }: InstallationFile, signal: AbortSignal): Promise<boolean> {
  if (hasBlobs !== true || place.inode === undefined) return false;
  const name = basename(place.path);
  // A folder of blobs may be a symlink to another disk.
  if (placeOf(join(path, name.slice(0, 2), name.slice(2, 4), name)).inode === place.inode) return true;
  return place.hasOtherNames && (await holdsInode({ folder: path, depth: 0 }, place.inode, signal));
}

async function holdsInode({ folder, depth }: SearchedFolder, inode: string, signal: AbortSignal): Promise<boolean> {
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

/** Resolves symlinks. For a file that does not exist yet, those of its folder. */
function realPathOf(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const above = dirname(absolute);
    return above === absolute ? absolute : join(realPathOf(above), basename(absolute));
  }
}
