import { mkdir as mkdirCallback } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../errors.ts';
import { folderMode, shareNewFolder } from './create-file.ts';
import { syncPath } from './sync-path.ts';

// The module of promises would slow each start.
const mkdir = promisify(mkdirCallback);

/**
 * Makes a folder for files of this mode, and those above it. Not mkdir's `recursive`: it reports
 * a full disk as missing folders, and never returns if the path is a link that leads nowhere.
 */
export async function makeFolders(folder: string, fileMode: number): Promise<void> {
  try {
    await makeFolder(folder, fileMode);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeFolders(dirname(folder), fileMode);
    await makeFolder(folder, fileMode);
  }
}

async function makeFolder(folder: string, fileMode: number): Promise<void> {
  try {
    await mkdir(folder, { mode: folderMode(fileMode) });
    shareNewFolder(folder, fileMode);
  } catch (error) {
    // It is there, or another writer was faster.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * Makes the names of a new folder and of all above it durable: some of these may be new as well.
 * Happens once in a store's life.
 */
export function syncParents(path: string): void {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    syncPath(folder);
    if (folder === dirname(folder)) return;
  }
}
