import { fstatSync } from 'node:fs';
import { DIRECT_ALIGNMENT } from './direct-io.ts';
import { libc } from './libc.ts';

const PROT_NONE = 0;
const MAP_SHARED = 1;
/** Bit of a page in the answer of mincore(2). */
const RESIDENT = 1;

/**
 * Whether the kernel tells this process which pages of an open file are in memory: only to owners,
 * so that nobody watches what others read. Others hear that all of them are.
 */
export function mayAskForCache(fd: number): boolean {
  const user = process.geteuid?.();
  return user === 0 || user === fstatSync(fd).uid;
}

/**
 * Whether a range of an open file is in the page cache, judged by its first and its last page.
 * Undefined if the system can't tell. Reads nothing: unlike preadv2 with RWF_NOWAIT, which starts
 * the kernel's read-ahead. Costs 6 µs.
 * @param offset a multiple of {@link DIRECT_ALIGNMENT}. @param length 1 or more.
 */
export function isCached(fd: number, offset: number, length: number): boolean | undefined {
  const { mmap, munmap } = libc();
  const start = mmap(0, length, PROT_NONE, MAP_SHARED, fd, offset);
  if (start < 0) return undefined;
  try {
    const last = start + length - 1;
    return isResident(start) && isResident(last - (last % DIRECT_ALIGNMENT));
  } finally {
    munmap(start, length);
  }
}

function isResident(address: number): boolean {
  const pages = new Uint8Array(1);
  return libc().mincore(address, 1, pages) === 0 && ((pages[0] ?? 0) & RESIDENT) !== 0;
}
