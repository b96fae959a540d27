import { readdirSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';

/** The descriptors by which this process has these files open. Paths without links. */
export function descriptorsOf(...files: string[]): number[] {
  const names = new Set(files);
  return readdirSync('/proc/self/fd').flatMap((fd) => (names.has(linkOf(fd)) ? [Number(fd)] : []));
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    // Another thread has closed it.
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
