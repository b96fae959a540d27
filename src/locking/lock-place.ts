import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OWNER_ONLY } from '../native/create-file.ts';

/** Where a {@link FileLockService} keeps its files. */
export interface LockPlace {
  folder: string;
  /** The start of each file name. */
  prefix: string;
  /** Advice for a folder that can't be used. */
  hint: string;
  /** Without a writable folder, work without locks. Otherwise that is an error. */
  isOptional: boolean;
  /** If it lets a group write, that group is trusted in a folder of its own. */
  fileMode: number;
}

/**
 * The files of `lock_dir`, named as the original's (docs/spec/formats.md §6).
 * @param isOptional for a user who can't write to the database.
 */
export function inLockDir(folder: string, { isOptional = false, fileMode = OWNER_ONLY } = {}): LockPlace {
  return {
    folder,
    prefix: 'backy_',
    hint: 'name another folder as lock_dir in section DEFAULTS.',
    isOptional,
    fileMode,
  };
}

/**
 * Files beside a SQLite database, the same for all of its users, whatever their lock_dir. A user
 * who can't write to its folder can't write to the database either. The database itself is never
 * opened: closing it would release SQLite's own locks.
 */
export function besideDatabase(path: string, fileMode = OWNER_ONLY): LockPlace {
  const real = realPath(path);
  return {
    folder: dirname(real),
    prefix: `${basename(real)}.backy_`,
    hint: 'put the database on another file system.',
    isOptional: true,
    fileMode,
  };
}

/** The path without links. A missing database has no lock in use. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return join(dirname(path), basename(path));
  }
}
