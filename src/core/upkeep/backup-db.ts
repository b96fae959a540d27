import { closeSync, lstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, messageOf } from '../../errors.ts';
import { syncPath } from '../../native/sync-path.ts';
import type { Context } from '../context.ts';
import { refuseOwnFile } from '../files/installation-files.ts';

/** Side files that SQLite may leave beside an unfinished copy. */
const SIDE_FILES = ['', '-journal', '-wal', '-shm'];

/** A copy of the database that was made. */
export interface DatabaseBackup {
  fileName: string;
  /** Bytes. */
  size: number;
  seconds: number;
}

/** How the database is copied. */
export interface DatabaseBackupRequest {
  fileName: string;
  /** Replace a file that is there. */
  force: boolean;
}

/**
 * Copies the whole database to a file, beside running commands: under a temporary name first, so
 * that a file with the right name is always whole. It may be read by its owner alone: it has the
 * wrapped keys of all blobs.
 */
export async function backupDatabase(context: Context, request: DatabaseBackupRequest): Promise<DatabaseBackup> {
  const start = performance.now();
  const { meta, signal } = context;
  const { fileName } = request;
  await refuseOwnFile(fileName, context);
  checkTarget(request);
  const temporary = `${fileName}.${process.pid}.part`;
  try {
    closeSync(openSync(temporary, 'wx', 0o600));
    await meta.copyTo(temporary, signal);
    syncPath(temporary);
    const { size } = statSync(temporary);
    renameSync(temporary, fileName);
    syncPath(dirname(fileName));
    return { fileName, size, seconds: (performance.now() - start) / 1000 };
  } catch (error) {
    for (const suffix of SIDE_FILES) rmSync(temporary + suffix, { force: true });
    if (error instanceof BackyError) throw error;
    throw new BackyError('io', `Cannot write ${fileName}: ${messageOf(error)}`, {
      hint: 'Check that the folder exists, that you may write there, and its file system.',
      cause: error,
    });
  }
}

function checkTarget({ fileName, force }: DatabaseBackupRequest): void {
  const stats = lstatSync(fileName, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isFile()) {
    throw new BackyError('targetRefused', `${fileName} is no regular file. Nothing was changed.`, { hint: 'Name a file.' });
  }
  if (force) return;
  throw new BackyError('targetRefused', `The file ${fileName} exists already. Nothing was changed.`, {
    hint: 'Name another file, or replace it with -f.',
  });
}
