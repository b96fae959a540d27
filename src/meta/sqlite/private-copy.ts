import { chmodSync, copyFile as copyFileCallback, mkdtempSync, rmSync, statSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BackyError, messageOf } from '../../errors.ts';
import { fileState } from '../../native/file-state.ts';
import { freeBytes } from '../../native/system-limits.ts';

// The module of promises would slow each start.
const copyFile = promisify(copyFileCallback);
/** Files that hold the state of a database. */
const SUFFIXES = ['', '-wal', '-journal'];
/** A file system in memory. */
const MEMORY = '/dev/shm';
/** For `-shm`, and for the folder itself. */
const SPARE_BYTES = 2 ** 20;
/** A program that writes to the database changes its files during our copy. */
const LOOKS = 5;
const LOOK_AGAIN_MS = 200;

/** A copy of a database, in a folder of its own. */
export interface PrivateCopy {
  path: string;
  /** Removes the copy. An open database can still be used. */
  remove(): void;
}

/**
 * Copies a database that can't be read where it is, with its WAL and its journal, to a folder with
 * enough space: `cacheDir`, that for temporary files, or memory.
 * @throws BackyError `database` if no folder has the space, or another program keeps writing.
 */
export async function copyPrivately(path: string, cacheDir: string | undefined): Promise<PrivateCopy> {
  const folder = makeFolder(path, cacheDir === undefined ? [tmpdir(), MEMORY] : [...new Set([cacheDir, tmpdir(), MEMORY])]);
  const copy = join(folder, basename(path));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await copyAll(path, copy);
    return { path: copy, remove };
  } catch (error) {
    remove();
    if (error instanceof BackyError) throw error;
    throw new BackyError('database', `The database ${path} can't be copied to ${folder}: ${messageOf(error)}`, {
      hint: 'It must be copied to be read. Check both file systems, or set cachedir in section DEFAULTS to another folder.',
      cause: error,
    });
  }
}

async function copyAll(path: string, copy: string): Promise<void> {
  for (let look = 1; ; look++) {
    const before = stateOf(path);
    for (const suffix of SUFFIXES) {
      rmSync(copy + suffix, { force: true });
      if (sizeOf(path + suffix) === 0) continue;
      await copyFile(path + suffix, copy + suffix);
      // The copy has the permissions of its model.
      chmodSync(copy + suffix, 0o600);
    }
    if (stateOf(path) === before) return;
    if (look === LOOKS) {
      throw new BackyError('database', `The database ${path} can't be copied: another program keeps writing to it.`, {
        hint: 'It must be copied to be read. Run the command again when the other program has ended, or where the database can be written.',
      });
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Changes with each write to the files. */
function stateOf(path: string): string {
  return SUFFIXES.map((suffix) => fileState(path + suffix)).join();
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The pages of a WAL are copied into the database, which can grow by them. */
function neededBytes(path: string): number {
  return sizeOf(path) + 2 * sizeOf(`${path}-wal`) + sizeOf(`${path}-journal`) + SPARE_BYTES;
}

function makeFolder(path: string, candidates: readonly string[]): string {
  const needed = neededBytes(path);
  const reasons: string[] = [];
  for (const folder of candidates) {
    try {
      const free = folder === MEMORY ? Math.min(freemem() / 2, freeBytes(folder)) : freeBytes(folder);
      if (free >= needed) return mkdtempSync(join(folder, 'backy2-database-'));
      reasons.push(`${folder}: ${toMib(free)} MiB are free`);
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new BackyError(
    'database',
    `The database ${path} must be copied to be read: its folder can't be written, or its disk is full.`,
    {
      hint: `A copy needs ${toMib(needed)} MiB. ${reasons.join('; ')}. Make room, or set cachedir in section DEFAULTS to another folder.`,
    },
  );
}

function toMib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
