import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What SQLite puts beside a database. */
const SIDE_FILES = ['-wal', '-shm', '-journal'];

/** Whether `path` is the database `database`, by any name, or one of the files that SQLite keeps beside it. */
export function isFileOf(database: string, path: string): boolean {
  const [own, other] = [realPath(database), realPath(path)];
  if (own === other || SIDE_FILES.some((suffix) => other === own + suffix)) return true;
  const [one, two] = [own, other].map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }));
  return one !== undefined && two !== undefined && one.ino === two.ino && one.dev === two.dev;
}

/** Without links; of a file that is not there, its folder's. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return folderOf(path);
  }
}

function folderOf(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
