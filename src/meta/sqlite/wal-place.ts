import { statfsSync } from 'node:fs';
import { freeBytes, lacksInodes } from '../../native/system-limits.ts';
import { isOnNetworkFileSystem } from './network-file-system.ts';

/**
 * SQLite makes room for `-shm` by a byte in each page of this size. Smaller blocks of the file
 * system would leave holes in it, and a write to a hole on a full disk kills the process (SIGBUS).
 */
const SHM_PAGE_BYTES = 4096;
/** For a WAL of usual size. */
const SHM_NEEDS_BYTES = 2 ** 20;
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

/** Why there is no room for a `-shm`. Undefined: there is. */
export function whyNoRoom(folder: string): string | undefined {
  if (lacksInodes(folder)) return `the file system of ${folder} has no free inodes`;
  const free = freeBytes(folder);
  return free < SHM_NEEDS_BYTES
    ? `the file system of ${folder} is full (at most ${Math.floor(free / 1024)} KiB are free)`
    : undefined;
}

/** Whether a WAL that is there already must be ended before a `-shm` is made. */
export function mustEndWal(folder: string): boolean {
  return hasSmallBlocks(folder) || whyNoRoom(folder) !== undefined;
}
