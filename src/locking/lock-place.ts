import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where a {@link FileLockService} has its files. */
export interface LockPlace {
  folder: string;
  /** What each file's name begins with. */
  prefix: string;
  /** What users can do when the folder can't be used. */
  hint: string;
  /** Where no file can be made, go without locks. Else that is an error. */
  isOptional: boolean;
}

/** The files of `lock_dir`, named as the original's (formats.md §6). */
export function inLockDir(folder: string): LockPlace {
  return {
    folder,
    prefix: 'backy_',
    hint: 'or name another folder as lock_dir in section DEFAULTS.',
    isOptional: false,
  };
}

/**
 * Files beside a SQLite database, where all who use it meet, whatever their lock_dir. Who can't
 * write to its folder can't write to the database either. The database itself is never opened:
 * closing it would give back SQLite's own locks.
 */
export function besideDatabase(path: string): LockPlace {
  const real = realPath(path);
  return {
    folder: dirname(real),
    prefix: `${basename(real)}.backy_`,
    hint: 'or put the database on another file system.',
    isOptional: true,
  };
}

/** Where the links on the way lead. A database that is not there yet has no lock in use. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return join(dirname(path), basename(path));
  }
}
