import { closeSync, existsSync, openSync, statfsSync } from 'node:fs';
import { errnoOf } from '../errors.ts';

/** SQLite opens some files at once, and closes them before its failure is known. */
const PROBES = 8;

/** Whether opens fail because of a limit, whatever the file. */
export function tooManyOpenFiles(): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < PROBES) opened.push(openSync('/dev/null', 'r'));
    return false;
  } catch (error) {
    return errnoOf(error) === 'EMFILE';
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** f_type of ext2, ext3 and ext4. */
const EXT = 0xef53;
/** ext4 keeps 2 % of the blocks for itself, up to this many, and counts them as free for root. */
const EXT_OWN_BLOCKS = 4096;

/** Bytes that this user can still write to the file system of `path`. Quotas are not known. */
export function freeBytes(path: string): number {
  const { type, bsize, blocks, bavail, bfree } = statfsSync(path);
  const own = Number(type) === EXT ? Math.min(EXT_OWN_BLOCKS, Math.ceil(blocks / 50)) : 0;
  return bsize * Math.max(bavail, process.geteuid?.() === 0 ? bfree - own : 0);
}

/** Advice for a file that can't be created because the file system of `folder` has no inodes. */
export function inodeHint(error: unknown, folder: string): string | undefined {
  if (errnoOf(error) !== 'ENOSPC' || !existsSync(folder) || !lacksInodes(folder)) return undefined;
  return `The file system of ${folder} has space, but no free inodes (df -i): delete files there.`;
}

/** Whether no file can be created, however much space there is. Some file systems have no limit. */
export function lacksInodes(path: string): boolean {
  const { files, ffree } = statfsSync(path);
  return files > 0 && ffree === 0;
}
