import { closeSync, fstatSync, openSync } from 'node:fs';
import koffi from 'koffi';

const PAGE = 4096;
const PROT_READ = 1;
const MAP_SHARED = 1;

/** How many pages of a file are in the page cache (mincore(2)). */
export function countCachedPages(path: string): number {
  const libc = koffi.load('libc.so.6');
  const mmap = libc.func('intptr_t mmap(intptr_t address, size_t length, int protection, int flags, int fd, long offset)');
  const mincore = libc.func('int mincore(intptr_t address, size_t length, _Out_ uint8_t *pages)');
  const munmap = libc.func('int munmap(intptr_t address, size_t length)');
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const address = mmap(0, size, PROT_READ, MAP_SHARED, fd, 0);
    const pages = new Uint8Array(Math.ceil(size / PAGE));
    const failed = mincore(address, size, pages);
    munmap(address, size);
    if (failed !== 0) throw new Error(`mincore of ${path} failed`);
    return pages.filter((page) => (page & 1) === 1).length;
  } finally {
    closeSync(fd);
  }
}
