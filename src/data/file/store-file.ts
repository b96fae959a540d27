import { closeSync, fchmodSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { isShared } from '../../native/create-file.ts';
import { syncPath } from '../../native/sync-path.ts';
import { fromStoreFile, toStoreFile } from '../store-id.ts';
import { STORE_FILE } from './blob-paths.ts';

/**
 * The store's id in the data folder `root`: one or none. A file that is damaged counts as none.
 * Throws the system's errors.
 */
export function readStoreFile(root: string): readonly string[] {
  try {
    const id = fromStoreFile(readFileSync(join(root, STORE_FILE), 'latin1'));
    return id === undefined ? [] : [id];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** A store id to write, and its place. */
interface NewStoreFile {
  root: string;
  /** A folder of this process on the same file system. */
  folder: string;
  id: string;
  durable: boolean;
  fileMode: number;
}

/**
 * Writes the store's id atomically. An intact one stays as it is: of two writers, the first wins.
 * Throws the system's errors.
 */
export function writeStoreFile({ root, folder, id, durable, fileMode }: NewStoreFile): void {
  const temporary = join(folder, STORE_FILE);
  const path = join(root, STORE_FILE);
  const fd = openSync(temporary, 'w', fileMode);
  try {
    if (isShared(fileMode)) fchmodSync(fd, fileMode);
    writeFileSync(fd, toStoreFile(id));
    if (durable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  try {
    linkSync(temporary, path);
  } catch (error) {
    // A damaged file is replaced, as is any on a file system without hard links.
    if (errnoOf(error) === 'EEXIST' && readStoreFile(root).length > 0) return;
    if (!['EEXIST', 'EPERM', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error) ?? '')) throw error;
    renameSync(temporary, path);
  } finally {
    // It may be a second name of the store's file now: the next call would write through it.
    rmSync(temporary, { force: true });
  }
  if (durable) syncPath(root);
}
