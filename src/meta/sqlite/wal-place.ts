import { statfsSync } from 'node:fs';
import { isOnNetworkFileSystem } from './network-file-system.ts';

/**
 * SQLite makes room for `-shm` by a byte in each page of this size. Smaller blocks of the file
 * system would leave holes in it, and a write to a hole on a full disk kills the process (SIGBUS).
 */
const SHM_PAGE_BYTES = 4096;
/** A WAL grows until the next checkpoint; a rollback journal ends with its transaction. */
const WAL_NEEDS_BYTES = 16 * 2 ** 20;

/**
 * Whether a database in this folder may have a WAL. `never`: other hosts may have it open, or the
 * blocks of the file system are too small. `later`: there is too little space.
 */
export function mayHaveWal(folder: string): 'yes' | 'later' | 'never' {
  if (isOnNetworkFileSystem(folder) || hasSmallBlocks(folder)) return 'never';
  return freeBytes(folder) < WAL_NEEDS_BYTES ? 'later' : 'yes';
}

/** Whether a write to a new `-shm` may fall into a hole. */
function hasSmallBlocks(folder: string): boolean {
  return statfsSync(folder).bsize < SHM_PAGE_BYTES;
}

/** Bytes that this user can still write to the file system of `path`. */
function freeBytes(path: string): number {
  const { bsize, bavail, bfree } = statfsSync(path);
  return bsize * (process.geteuid?.() === 0 ? bfree : bavail);
}
