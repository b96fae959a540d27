import { accessSync, closeSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { BackyError, errnoOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { createFile, OWNER_ONLY } from '../../native/create-file.ts';
import { cannotWrite, notOpened } from './database-errors.ts';
import { PathWatch } from './path-watch.ts';
import { copyPrivately } from './private-copy.ts';
import { configure, endWal, STATEMENT_TIMEOUT_MS, unlessBusy } from './settings.ts';
import { waitWhileBusy } from './wait-while-busy.ts';
import { headerHasWal } from './wal-file.ts';
import { mustEndWal, whyNoRoom } from './wal-place.ts';

/** How a database is opened. */
export interface FileOptions {
  path: string;
  /** Size of the page cache. */
  cacheMb: number;
  logger: Logger;
  /** A folder for temporary files, beside the system's. */
  cacheDir?: string | undefined;
  /** Mode of a new database; its side files follow. [only the owner] */
  fileMode?: number;
}

/** An open database, which can be read. */
export interface DatabaseFile {
  db: Database.Database;
  /** Why it can't be written. Undefined: it can. */
  readOnlyReason: string | undefined;
  watch: PathWatch | undefined;
  /**
   * Of a private copy: removes its name, so that even a killed program leaves nothing behind.
   * SQLite does not write to a file without a name.
   */
  unlink?: () => void;
}

/** Creates an empty file if there is none. SQLite would create it for all to read. */
export function createMissing({ path, fileMode = OWNER_ONLY }: FileOptions): void {
  try {
    closeSync(createFile(path, fileMode));
  } catch {
    // It exists, or SQLite says why it can't be created.
  }
}

/**
 * Opens a database for reading, and for writing where possible. Waits while another program has it
 * for itself. Works on a private copy if the file can't be read where it is.
 */
export async function openFile(options: FileOptions): Promise<DatabaseFile> {
  const { path } = options;
  // Its folder may be missing too.
  const isThere = existsSync(path);
  const readOnlyReason = isThere ? whyNotWritable(realpathSync(path)) : undefined;
  if (readOnlyReason !== undefined && wouldMakeFiles(path)) return openCopy(options, readOnlyReason);
  if (isThere && readOnlyReason === undefined && mustEndWal(dirname(path)) && headerHasWal(path)) endWalAlone(path);
  try {
    return await openInPlace(options, readOnlyReason);
  } catch (error) {
    const reason = needsFiles(error) && isReadable(path) ? (readOnlyReason ?? whyNoFiles(path, error)) : undefined;
    if (reason === undefined) throw error instanceof BackyError ? error : notOpened(path, error);
    return (readOnlyReason === undefined ? await openWithoutWal(options) : undefined) ?? openCopy(options, reason);
  }
}

async function openInPlace(options: FileOptions, readOnlyReason: string | undefined): Promise<DatabaseFile> {
  const { path, cacheMb, logger } = options;
  const db = new Database(path, { timeout: STATEMENT_TIMEOUT_MS, readonly: readOnlyReason !== undefined });
  try {
    const watch = readOnlyReason === undefined ? new PathWatch(path) : undefined;
    await waitWhileBusy(() => unlessBusy(db, () => configure(db, cacheMb)), options);
    if (readOnlyReason !== undefined) logger.info(`${cannotWrite(path, readOnlyReason)} Nothing is recorded in it.`);
    return { db, readOnlyReason, watch };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** @returns undefined if it still has a WAL, or can't be opened without one. */
async function openWithoutWal(options: FileOptions): Promise<DatabaseFile | undefined> {
  endWalAlone(options.path);
  if (headerHasWal(options.path)) return undefined;
  try {
    return await openInPlace(options, undefined);
  } catch {
    return undefined;
  }
}

/** Opens a private copy of the file, which can be read and upgraded. Its changes are lost. */
export async function openCopy(options: FileOptions, readOnlyReason: string): Promise<DatabaseFile> {
  const { path, cacheDir, cacheMb, logger } = options;
  const copy = await copyPrivately(path, cacheDir);
  let db: Database.Database | undefined;
  try {
    db = new Database(copy.path);
    configure(db, cacheMb);
    endWal(db);
    logger.info(`${cannotWrite(path, readOnlyReason)} Working on a copy in ${dirname(copy.path)}.`);
    return { db, readOnlyReason, watch: undefined, unlink: copy.remove };
  } catch (error) {
    db?.close();
    copy.remove();
    throw notOpened(path, error);
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Without a writable folder, there is no journal, so that no transaction is possible. */
function whyNotWritable(path: string): string | undefined {
  for (const name of [path, dirname(path)]) {
    try {
      accessSync(name, constants.W_OK);
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      return errno === 'EROFS' ? 'its file system is read-only' : `no permission to write to ${name} (${errno})`;
    }
  }
  return undefined;
}

/**
 * Ends the WAL that a killed program, or an older release, has left. Needs no `-shm`: in exclusive
 * mode, SQLite keeps the index of the WAL in memory. Ignores failures, such as another program that
 * has the database open.
 */
function endWalAlone(path: string): void {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: 0 });
    db.pragma('locking_mode = EXCLUSIVE');
    endWal(db);
  } catch {
    // The open that follows fails with a better reason.
  } finally {
    db?.close();
  }
}

/**
 * Whether SQLite would try to make a WAL and a `-shm` to read a file that can't be written. In a
 * folder that takes files, they would belong to the wrong user.
 */
function wouldMakeFiles(path: string): boolean {
  return isReadable(path) && headerHasWal(path) && !['-wal', '-shm'].every((suffix) => existsSync(path + suffix));
}

/**
 * SQLite can't create a file that it needs, or not make it longer, or not roll back the transaction
 * of a killed program.
 */
const NEEDS_FILES = /^SQLITE_(CANTOPEN|READONLY|FULL|IOERR_SHM)/;
/** Whatever statfs says: a quota, for example. */
const NO_ROOM = /^SQLITE_(FULL|IOERR_SHMSIZE)/;

function needsFiles(error: unknown): error is { code: string } {
  return error instanceof Database.SqliteError && NEEDS_FILES.test(error.code);
}

function whyNoFiles(path: string, { code }: { code: string }): string | undefined {
  return whyNoRoom(dirname(path)) ?? (NO_ROOM.test(code) ? `there is no room for its -shm file (${code})` : undefined);
}
