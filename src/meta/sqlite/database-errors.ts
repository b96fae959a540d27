import Database from 'better-sqlite3';
import { BackyError, messageOf } from '../../errors.ts';
import { NoDatabaseError } from '../no-database.ts';

/** Whether SQLite refused because another process has the database. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** A failure of SQLite as a BackyError; any other error is returned as it is. */
export function toDatabaseError(path: string, error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  // SQLITE_PROTOCOL: SQLite has failed for ten seconds to lock the WAL, which nobody holds that
  // long.
  const isIo = error.code.startsWith('SQLITE_IOERR') || error.code === 'SQLITE_PROTOCOL';
  return new BackyError('database', `The database ${path} failed: ${error.message} (${error.code})`, {
    hint: isIo
      ? 'The system could not read, write or lock the file. If its disk is not full, the kernel log may tell why. Fix that, then run the command again.'
      : 'Check space and permissions of its folder, the kernel log, and its health with: sqlite3 FILE "pragma integrity_check".',
    cause: error,
  });
}

/** The error for a database that can't be opened. initdb helps only if the file is no database. */
export function notOpened(path: string, error: unknown): unknown {
  const isDatabase = error instanceof Database.SqliteError && error.code !== 'SQLITE_NOTADB';
  return isDatabase ? toDatabaseError(path, error) : notUsable(path, messageOf(error));
}

/** The error for a database that is missing, not ours, or of an unusable revision. */
export function notUsable(path: string, why: string): BackyError {
  return new NoDatabaseError(`Invalid database (${path}): ${why}`);
}

/** The error for a database that SQLite calls busy though no other process has it. */
export function lockLost(path: string): BackyError {
  return new BackyError(
    'database',
    `The database ${path} can't be locked, though no other process has it: the system failed to release a lock.`,
    {
      hint: 'Run the command again. If that happens often, the kernel log may tell what is wrong with the file system of its folder.',
    },
  );
}
