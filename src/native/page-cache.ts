import { DIRECT_ALIGNMENT, roundDown } from './direct-io.ts';
import { libc } from './libc.ts';

const PROT_NONE = 0;
const MAP_SHARED = 1;
/** Bit of a page in the answer of mincore(2). */
const RESIDENT = 1;
/** Farther behind the end of a file than any large page of its last bytes reaches. */
const FAR_BEHIND = 1024 ** 3;

/**
 * Whether the kernel tells this process which pages of an open file are in memory. It tells owners,
 * and those who may write. All others hear that every page is: one behind the end shows it.
 */
export function tellsCachedPages(fd: number, sizeBytes: number): boolean {
  return !isCached(fd, roundDown(sizeBytes) + FAR_BEHIND, 1);
}

/**
 * Whether a range of an open file is in the page cache, judged by its first and its last page.
 * False if the file can't be mapped: then the kernel mostly keeps no pages of it. Reads nothing:
 * unlike preadv2 with RWF_NOWAIT, which starts the kernel's read-ahead. Costs 6 µs.
 * @param offset a multiple of {@link DIRECT_ALIGNMENT}. @param length 1 or more.
 */
export function isCached(fd: number, offset: number, length: number): boolean {
  const { mmap, munmap } = libc();
  const start = mmap(0, length, PROT_NONE, MAP_SHARED, fd, offset);
  if (start < 0) return false;
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
