import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import { type CommitMark, markInPage } from './commit-mark.ts';
import { descriptorsOf } from './descriptors.ts';
import { type FirstMark, firstMarkOf } from './wal-file.ts';

/** A WAL without a frame. */
const EMPTY_WAL_BYTES = 32;
/** A program that has the database open may change both files between our looks. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 50;

/**
 * Refuses a database with a `-wal` that continues a later state, or another database: SQLite would
 * mix pages of both. Call this before the database is opened. Costs one stat without a WAL,
 * otherwise the reading of its first transaction. Files of other programs have no marks and are
 * accepted.
 * @throws BackyError `database`, with nothing changed.
 */
export async function checkWalBelongs(path: string): Promise<void> {
  const file = resolved(path);
  const wal = `${file}-wal`;
  for (let look = 1; ; look++) {
    if ((statSync(wal, { throwIfNoEntry: false })?.size ?? 0) <= EMPTY_WAL_BYTES) return;
    // Closing a descriptor would release the locks of SQLite on the file elsewhere in this process,
    // which has checked it already.
    if (descriptorsOf(file).length > 0) return;
    // The WAL first: a checkpoint in between can only advance the database.
    const first = firstMarkOf(wal);
    const has = first === undefined ? undefined : markOfFile(file, first);
    if (first === undefined || has === undefined || belongs(first, has)) return;
    if (look === LOOKS) throw doNotBelong(path, wal, first.lineage === has.lineage);
    await sleep(LOOK_AGAIN_MS);
  }
}

function belongs(first: FirstMark, has: CommitMark): boolean {
  return has.lineage === first.lineage && has.count >= first.count - 1;
}

function markOfFile(file: string, { pageNumber, pageBytes }: FirstMark): CommitMark | undefined {
  const fd = openSync(file, 'r');
  try {
    const page = Buffer.alloc(pageBytes);
    return readSync(fd, page, 0, pageBytes, (pageNumber - 1) * pageBytes) < pageBytes ? undefined : markInPage(page);
  } finally {
    closeSync(fd);
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function doNotBelong(path: string, wal: string, isOlder: boolean): BackyError {
  const why = isOlder ? 'it is older than the state that the WAL continues' : 'the WAL is of another database';
  return new BackyError('database', `The database ${path} does not belong to ${wal}: ${why}. Nothing was changed.`, {
    hint: `To keep this database, move ${wal} and ${wal.slice(0, -'wal'.length)}shm away first: their changes are lost. Or restore the database that they belong to. See docs/database.md.`,
  });
}
