import { accessSync, constants, existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Config } from '../../config/config.ts';
import { CombinedLockService } from '../../locking/combined-lock.ts';
import { FileLockService } from '../../locking/file-lock.ts';
import type { LockService } from '../../locking/lock.ts';
import { holderText } from '../../locking/lock-holder.ts';
import { besideDatabase, inLockDir } from '../../locking/lock-place.ts';
import type { PostgresLockService } from '../../locking/postgres-lock.ts';
import { isPostgresUrl } from '../../meta/postgresql/engine-url.ts';
import { sqlitePath } from '../../meta/sqlite/engine-url.ts';

/** PostgreSQL keeps 63 bytes of a name; "backy2 migrate-encryption on , pid 4194304" has 42. */
const HOST_LENGTH = 21;

/** The locks of an installation. */
interface Locks {
  locks: LockService;
  /**
   * Aborted when locks are lost; its reason is the error to end with. Undefined if they cannot be
   * lost.
   */
  lost?: AbortSignal;
  /** Transactions check it before they commit. */
  fence?: PostgresLockService['fence'];
}

/**
 * Creates the locks of an installation, without opening any. They are files in lock_dir, unless it
 * is empty, and locks at the database: beside a SQLite file, which containers with another lock_dir
 * may share, or in PostgreSQL, which several hosts may share.
 * @param command the lock holder's command, shown to others who wait for the lock.
 * @param atDatabase false: the database may be lost, and nothing changes it. Then lock_dir alone
 * counts, if it can be written.
 */
export async function locksFor({ lockDir, engine, fileMode }: Config, command: string, atDatabase: boolean): Promise<Locks> {
  const self = { command, host: hostname().slice(0, HOST_LENGTH), pid: process.pid };
  if (!atDatabase) return { locks: new FileLockService(inLockDir(lockDir, { isOptional: true, fileMode }), { self }) };
  if (!isPostgresUrl(engine)) {
    const isOptional = isOnlyReadable(sqlitePath(engine));
    const onHost = new FileLockService(inLockDir(lockDir, { isOptional, fileMode }), { self });
    const beside = new FileLockService(besideDatabase(sqlitePath(engine), fileMode), { self });
    return { locks: new CombinedLockService([onHost, beside]) };
  }
  const onHost = new FileLockService(inLockDir(lockDir, { fileMode }), { self });
  const [{ PostgresLockService }, { connectAlone, labelOfEngine }] = await Promise.all([
    import('../../locking/postgres-lock.ts'),
    import('../../meta/postgresql/lone-client.ts'),
  ]);
  const name = holderText(self);
  const between = new PostgresLockService({
    connect: () => connectAlone(engine, name),
    where: labelOfEngine(engine),
  });
  return { locks: new CombinedLockService([onHost, between]), lost: between.lost, fence: () => between.fence() };
}

/** Whether an existing file can't be written by this user. */
function isOnlyReadable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch {
    return existsSync(path);
  }
}
