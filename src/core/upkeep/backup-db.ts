import { statSync } from 'node:fs';
import { BackyError } from '../../errors.ts';
import { syncPath } from '../../native/sync-path.ts';
import type { Context } from '../context.ts';
import { refuseInstallationFile } from '../files/installation-files.ts';
import { type FilePlace, notRegular, type OutputPlace, outputPlace } from '../files/output-place.ts';
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
 * Copies the whole database to a file while other commands run. Only those whom `file_mode` names
 * may read a new copy: it holds the wrapped keys of all blobs.
 */
export async function backupDatabase(context: Context, request: DatabaseBackupRequest): Promise<DatabaseBackup> {
  const start = performance.now();
  const { meta, signal } = context;
  const { fileName } = request;
  const place = outputPlace(fileName);
  await refuseInstallationFile(place.path, context);
  checkPlace(place, request);
  const size = await writeWholeFile({
    ...{ place, verb: 'write', mode: context.settings.fileMode },
    sideFiles: SIDE_FILES,
    write: async (temporary) => {
      await meta.copyTo(temporary, signal);
      syncPath(temporary);
      return statSync(temporary).size;
    },
  });
  return { fileName, size, seconds: (performance.now() - start) / 1000 };
}

function checkPlace(place: OutputPlace, { fileName, force }: DatabaseBackupRequest): asserts place is FilePlace {
  if (place.kind !== 'file') throw notRegular(fileName);
  if (force || place.existing === undefined) return;
  throw new BackyError('targetRefused', `The file ${fileName} already exists. Nothing was changed.`, {
    hint: 'Name another file, or replace it with -f.',
  });
}
