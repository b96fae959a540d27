import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropPageCache } from '../../../src/native/file-calls.ts';
import { isCached } from '../../../src/native/page-cache.ts';

/** Makes a file durable, and takes it out of memory. */
export function makeCold(path: string): void {
  const fd = openSync(path, 'r+');
  fsyncSync(fd);
  dropPageCache(fd, 0, 0);
  closeSync(fd);
}

/** Whether both ends of a range of a file are in memory. */
export function isInMemory(path: string, offset: number, length: number): boolean {
  const fd = openSync(path, 'r');
  try {
    return isCached(fd, offset, length);
  } finally {
    closeSync(fd);
  }
}

/** Whether temporary files can be taken out of memory: those of a memory file system can't. */
function haveColdFiles(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-cold-'));
  try {
    const path = join(folder, 'file');
    writeFileSync(path, 'x');
    makeCold(path);
    return !isInMemory(path, 0, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** To skip a test where {@link haveColdFiles} is false, with a note for its title. */
export const cold = haveColdFiles() ? { skip: false, note: '' } : { skip: true, note: ' [skipped: files are always in memory]' };
