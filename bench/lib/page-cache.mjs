import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const DONT_NEED = 4;
const KIB = 1024;
/** @type {((fd: number, offset: number, length: number, advice: number) => number) | undefined} */
let fadvise;

/**
 * Drops a file from the page cache, or all files below a folder, once they are on the disk. So the
 * next reader finds them cold. Nothing happens in a tmpfs.
 * @param {string} path
 */
export function forget(path) {
  fadvise ??= createRequire(import.meta.url)('koffi')
    .load('libc.so.6')
    .func('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)');
  for (const file of filesOf(path)) {
    const fd = openSync(file, 'r');
    fdatasyncSync(fd);
    fadvise?.(fd, 0, 0, DONT_NEED);
    closeSync(fd);
  }
}

/** Bytes of files in the page cache, without those of tmpfs: proc_meminfo(5). */
export function cachedBytes() {
  const lines = readFileSync('/proc/meminfo', 'latin1');
  const of = (/** @type {string} */ name) => Number(new RegExp(`^${name}: +([0-9]+) kB$`, 'm').exec(lines)?.[1]) * KIB;
  return of('Cached') + of('Buffers') - of('Shmem');
}

/** @param {string} path */
function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
