import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { BackyError, errnoOf, messageOf, TOO_MANY_OPEN_FILES } from '../../errors.ts';
import { tooManyOpenFiles } from '../../native/system-limits.ts';
import { NoDatabaseError } from '../no-database.ts';
import { NoRoomError } from '../no-room.ts';
import { whyNoRoom } from './wal-place.ts';

/** Whether SQLite refused because another process has the database. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** SQLite could not make a file longer, or create one. */
const NEEDS_ROOM = /^SQLITE_(FULL|CANTOPEN|IOERR_(WRITE|SHM))/;
/** With this, each command works that frees space: rm and cleanup. */
const ENOUGH_MIB = 1;

/** A failure of SQLite as a BackyError; any other error is returned as it is. */
export function toDatabaseError(path: string, error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const message = `The database ${path} failed: ${error.message} (${error.code})`;
  return noRoom(path, message, error) ?? new BackyError('database', message, { hint: hintFor(error.code), cause: error });
}

function noRoom(path: string, message: string, cause: { code: string }): NoRoomError | undefined {
  if (!NEEDS_ROOM.test(cause.code)) return undefined;
  const folder = dirname(path);
  const reason =
    whyNoRoom(folder) ??
    (cause.code === 'SQLITE_FULL' ? `the file system of ${folder}, or that of temporary files, was full` : undefined);
  if (reason === undefined) return undefined;
  const room = reason.includes('inodes') ? 'Delete a file there' : `Free ${ENOUGH_MIB} MiB there`;
  const hint = `${room}; then rm and cleanup work, and free more. Commands that only read work now.`;
  return new NoRoomError(message, { reason, hint, cause });
}

function hintFor(code: string): string {
  if (tooManyOpenFiles()) return TOO_MANY_OPEN_FILES;
  // SQLITE_PROTOCOL: SQLite has failed for ten seconds to lock the WAL, which nobody holds that
  // long.
  return code.startsWith('SQLITE_IOERR') || code === 'SQLITE_PROTOCOL'
    ? 'The system could not read, write or lock the file. If its disk is not full, the kernel log may tell why. Fix that, then run the command again.'
    : 'Check space and permissions of its folder, the kernel log, and its health with: sqlite3 FILE "pragma integrity_check".';
}

/** The driver is compiled for one version of Node.js. */
const OTHER_NODE =
  'Is backy2 installed for another version of Node.js? Then run in its folder: npm rebuild better-sqlite3. Or install it again.';

/** The error for a database that can't be opened. initdb helps only if the file is no database. */
export function notOpened(path: string, error: unknown): unknown {
  if (errnoOf(error) === 'ERR_DLOPEN_FAILED')
    return new BackyError('database', `SQLite can't be loaded: ${messageOf(error)}`, {
      hint: tooManyOpenFiles() ? TOO_MANY_OPEN_FILES : OTHER_NODE,
      cause: error,
    });
  if (!existsSync(dirname(path))) return noFolder(path, error);
  const isDatabase = error instanceof Database.SqliteError && error.code !== 'SQLITE_NOTADB';
  return isDatabase ? toDatabaseError(path, error) : notUsable(path, messageOf(error));
}

function noFolder(path: string, cause: unknown): NoDatabaseError {
  const folder = dirname(path);
  return new NoDatabaseError(`Invalid database (${path}): there is no folder ${folder}`, {
    todo: 'Please create it first.',
    hint: 'Or check [MetaBackend] engine in the config file, and whether its disk is mounted.',
    cause,
  });
}

/** The error for a database that is missing, not ours, or of an unusable revision. */
export function notUsable(path: string, why: string): BackyError {
  return new NoDatabaseError(`Invalid database (${path}): ${why}`);
}

export function cannotWrite(path: string, why: string): string {
  return `The database ${path} can't be written: ${why}.`;
}

/** The error for a change of a database that can only be read. */
export function notWritable(path: string, why: string): BackyError {
  return new BackyError('database', `${cannotWrite(path, why)} Nothing was changed.`, {
    hint: 'Commands that only read work: ls, restore, scrub, export, due, nbd, fuse. For others, mount it writable, or run them as its owner.',
  });
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
