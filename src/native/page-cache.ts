import { DIRECT_ALIGNMENT, roundDown } from './direct-io.ts';
import { libc } from './libc.ts';

const PROT_NONE = 0;
const MAP_SHARED = 1;
/** Bit of a page in the answer of mincore(2). */
const RESIDENT = 1;
/** Farther behind the end of a file than any large page of its last bytes reaches. */
const FAR_BEHIND = 1024 ** 3;
/** Of reads of 1 MiB, 16 MiB: farther than read-ahead usually goes. */
const RANGES_AHEAD = 16;

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
  return cachedInRow(fd, { offset, length, count: 1 })[0] === true;
}

/**
 * Tells which ranges of an open file were in memory before its reader came near them. A read in
 * memory can start the kernel's read-ahead. The pages of that would look like those of others, be
 * read in memory as well, and so on to the end of the file. So several ranges are looked at
 * together, the asked one and those behind it.
 */
export class CachedRanges {
  readonly #fd: number;
  #first = 0;
  #length = 0;
  #areCached: readonly boolean[] = [];

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** See {@link isCached}. A look costs as much as four of these, and is good for 16 ranges. */
  has(offset: number, length: number): boolean {
    const known = length === this.#length ? this.#areCached[(offset - this.#first) / length] : undefined;
    if (known !== undefined) return known;
    this.#areCached = cachedInRow(this.#fd, { offset, length, count: RANGES_AHEAD });
    [this.#first, this.#length] = [offset, length];
    return this.#areCached[0] === true;
  }
}

/** {@link isCached} for ranges of the same length, one behind the other. */
function cachedInRow(fd: number, { offset, length, count }: { offset: number; length: number; count: number }): boolean[] {
  const { mmap, munmap } = libc();
  const start = mmap(0, count * length, PROT_NONE, MAP_SHARED, fd, offset);
  const ranges = Array.from({ length: count }, (_, index) => start + index * length);
  if (start < 0) return ranges.map(() => false);
  try {
    return ranges.map((first) => isResident(first) && isResident(first + length - 1));
  } finally {
    munmap(start, count * length);
  }
}

/** Whether the page of an address is in memory. */
function isResident(address: number): boolean {
  const pages = new Uint8Array(1);
  return libc().mincore(roundDown(address), 1, pages) === 0 && ((pages[0] ?? 0) & RESIDENT) !== 0;
}
