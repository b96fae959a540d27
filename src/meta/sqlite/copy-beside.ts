import { chownSync, closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { BackyError } from '../../errors.ts';
import { syncPath } from '../../native/sync-path.ts';
import type { SqliteConnection } from './connection.ts';
import { endWal } from './settings.ts';

/** Pages that are copied between two turns of the event loop. */
const PAGES_AT_A_TIME = 4096;
const COMPARE_BYTES = 1024 * 1024;

/** A copy of a database file. */
export interface Copy {
  path: string;
  /** False: an earlier attempt made it, and it equals the database. */
  isNew: boolean;
}

/**
 * Copies a SQLite database, including its WAL, to `wanted`, or to a name with a number if another
 * file has that one. The copy gets its name once it is durable and complete, and has the
 * permissions of the database. The caller MUST hold the write lock of the database.
 */
export async function copyDatabase(path: string, wanted: string): Promise<Copy> {
  const unfinished = `${wanted}.unfinished`;
  // A killed program left it; it held the lock.
  removeUnfinished(unfinished);
  try {
    createLike(path, unfinished);
    await copyPages(path, unfinished);
    return keep(unfinished, wanted);
  } finally {
    removeUnfinished(unfinished);
  }
}

/**
 * Copies an open database over an empty file: its state at one moment, while other programs can
 * write. The copy has no WAL.
 */
export async function copySnapshot(source: SqliteConnection, to: string, signal: AbortSignal): Promise<void> {
  try {
    await source.copyPages(to, () => {
      signal.throwIfAborted();
      return PAGES_AT_A_TIME;
    });
    const copy = new Database(to);
    endWal(copy);
    copy.close();
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    throw new BackyError('io', `Cannot copy the database ${source.label} to ${to}: ${error.message} (${error.code})`, {
      hint: 'Check space and health of both disks, and the kernel log.',
      cause: error,
    });
  }
}

/** Renames the copy to the first free name, unless the file with an earlier name is equal. */
function keep(unfinished: string, wanted: string): Copy {
  for (let n = 1; ; n++) {
    const path = n === 1 ? wanted : `${wanted}.${n}`;
    if (!existsSync(path)) {
      syncPath(unfinished);
      renameSync(unfinished, path);
      syncPath(dirname(path));
      return { path, isNew: true };
    }
    if (hasSameBytes(unfinished, path)) return { path, isNew: false };
  }
}

function removeUnfinished(unfinished: string): void {
  rmSync(unfinished, { force: true });
  rmSync(`${unfinished}-journal`, { force: true });
}

/**
 * An empty file with the permissions of another one, and its owner if the user may give files away.
 */
export function createLike(model: string, path: string): void {
  const { mode, uid, gid } = statSync(model);
  closeSync(openSync(path, 'wx', mode & 0o777));
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
}

async function copyPages(from: string, to: string): Promise<void> {
  const source = new Database(from, { readonly: true, fileMustExist: true });
  try {
    await source.backup(to, { progress: () => PAGES_AT_A_TIME });
  } finally {
    source.close();
  }
}

function hasSameBytes(one: string, other: string): boolean {
  if (statSync(one).size !== statSync(other).size) return false;
  const fds = [openSync(one, 'r'), openSync(other, 'r')] as const;
  const buffers = [Buffer.alloc(COMPARE_BYTES), Buffer.alloc(COMPARE_BYTES)] as const;
  try {
    for (;;) {
      const counts = [readSync(fds[0], buffers[0]), readSync(fds[1], buffers[1])] as const;
      if (counts[0] !== counts[1] || !buffers[0].subarray(0, counts[0]).equals(buffers[1].subarray(0, counts[1]))) return false;
      if (counts[0] === 0) return true;
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}
