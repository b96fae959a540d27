import { closeSync, lstatSync, openSync, statSync } from 'node:fs';
import { BackyError } from '../../errors.ts';
import { syncPath } from '../../native/sync-path.ts';
import type { Context } from '../context.ts';
import { refuseInstallationFile } from '../files/installation-files.ts';
import { writeWholeFile } from '../files/whole-file.ts';

/** Side files that SQLite may leave beside an unfinished copy. */
const SIDE_FILES = ['-journal', '-wal', '-shm'];

/** A finished copy of the database. */
export interface DatabaseBackup {
  fileName: string;
  /** Bytes. */
  size: number;
  seconds: number;
}

/** Where to copy the database. */
export interface DatabaseBackupRequest {
  fileName: string;
  /** Replace an existing file. */
  force: boolean;
}

/**
 * Copies the whole database to a file while other commands run. Only its owner may read the copy:
 * it holds the wrapped keys of all blobs.
 */
export async function backupDatabase(context: Context, request: DatabaseBackupRequest): Promise<DatabaseBackup> {
  const start = performance.now();
  const { meta, signal } = context;
  const { fileName } = request;
  await refuseInstallationFile(fileName, context);
  checkTarget(request);
  const size = await writeWholeFile({
    fileName,
    verb: 'write',
    sideFiles: SIDE_FILES,
    write: async (temporary) => {
      closeSync(openSync(temporary, 'wx', 0o600));
      await meta.copyTo(temporary, signal);
      syncPath(temporary);
      return statSync(temporary).size;
    },
  });
  return { fileName, size, seconds: (performance.now() - start) / 1000 };
}

function checkTarget({ fileName, force }: DatabaseBackupRequest): void {
  const stats = lstatSync(fileName, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isFile()) {
    throw new BackyError('targetRefused', `${fileName} is not a regular file. Nothing was changed.`, { hint: 'Name a file.' });
  }
  if (force) return;
  throw new BackyError('targetRefused', `The file ${fileName} already exists. Nothing was changed.`, {
    hint: 'Name another file, or replace it with -f.',
  });
}
