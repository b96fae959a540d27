import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { folderMode, shareNewFolder } from '../../native/create-file.ts';
import { tryFlock } from '../../native/file-calls.ts';
import { TEMPORARY_FOLDER } from './blob-paths.ts';

/** Age at which a leftover counts as dead if flock does not work on folders. */
const DEAD_AFTER_MS = 24 * 3600 * 1000;

/**
 * A folder for one writer's half-written blobs. The writer holds a flock on it as long as it lives,
 * so that any host or container can recognise the folder of a dead writer.
 */
export class TemporaryFolder {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Makes a new one below the backend's folder `root`, which is created if missing. */
  static create(root: string, fileMode: number): TemporaryFolder {
    for (;;) {
      const path = join(root, TEMPORARY_FOLDER, randomUUID());
      makeFolder(join(root, TEMPORARY_FOLDER), fileMode);
      try {
        mkdirSync(path, { mode: folderMode(fileMode) });
        shareNewFolder(path, fileMode);
      } catch (error) {
        // A sweeper has removed the empty parent in between.
        if (errnoOf(error) === 'ENOENT') continue;
        throw error;
      }
      const fd = openIfThere(path);
      if (fd === undefined) continue;
      if (holdIfPossible(fd) && isThere(path, fd)) return new TemporaryFolder(path, fd);
      // A sweeper took it for dead before it was locked.
      closeSync(fd);
    }
  }

  /** Removes the folder and its files, and the parent if it is empty then. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    closeSync(this.#fd);
    removeIfEmpty(join(this.path, '..'));
  }
}

/** Removes the folders of dead writers. @returns the number of files in them. */
export function sweepTemporaryFolders(root: string): number {
  const parent = join(root, TEMPORARY_FOLDER);
  let swept = 0;
  for (const name of namesIn(parent)) {
    const path = join(parent, name);
    const fd = openIfThere(path);
    if (fd === undefined) continue;
    try {
      if (!isDead(fd)) continue;
      swept += namesIn(path).length;
      rmSync(path, { recursive: true, force: true });
    } finally {
      closeSync(fd);
    }
  }
  removeIfEmpty(parent);
  return swept;
}

/** Folders of living writers. Finds none if flock does not work on folders. */
export function liveWriters(root: string): string[] {
  const parent = join(root, TEMPORARY_FOLDER);
  return namesIn(parent)
    .map((name) => join(parent, name))
    .filter((path) => {
      const fd = openIfThere(path);
      if (fd === undefined) return false;
      try {
        return !tryFlock(fd, 'exclusive');
      } catch {
        return false;
      } finally {
        closeSync(fd);
      }
    });
}

/** Not mkdir's `recursive`, which reports a read-only file system as missing folders. */
function makeFolder(path: string, fileMode: number): void {
  try {
    mkdirSync(path, { mode: folderMode(fileMode) });
    shareNewFolder(path, fileMode);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function isDead(fd: number): boolean {
  try {
    return tryFlock(fd, 'exclusive');
  } catch {
    return Date.now() - fstatSync(fd).mtimeMs > DEAD_AFTER_MS;
  }
}

/**
 * False when a sweeper holds it. Some network file systems refuse flock on folders; there, the age
 * decides.
 */
function holdIfPossible(fd: number): boolean {
  try {
    return tryFlock(fd, 'shared');
  } catch {
    return true;
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isThere(path: string, fd: number): boolean {
  try {
    return statSync(path).ino === fstatSync(fd).ino;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
  }
}
