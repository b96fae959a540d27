import { hostname } from 'node:os';
import type { Config } from '../../config/config.ts';
import { CombinedLockService } from '../../locking/combined-lock.ts';
import { FileLockService } from '../../locking/file-lock.ts';
import type { LockService } from '../../locking/lock.ts';
import { besideDatabase, inLockDir } from '../../locking/lock-place.ts';
import type { PostgresLockService } from '../../locking/postgres-lock.ts';
import { isPostgresUrl } from '../../meta/postgresql/engine-url.ts';
import { sqlitePath } from '../../meta/sqlite/engine-url.ts';

/** PostgreSQL keeps 63 bytes of it; "backy2 migrate-encryption on , pid 4194304" has 42. */
const HOST_LENGTH = 21;

/** The locks of an installation, and what tells whether they are held. */
export interface Locks {
  locks: LockService;
  /** Aborted with the error to end with when locks are lost. Undefined where they can't be. */
  lost?: AbortSignal;
  /** What transactions look at before they commit. */
  fence?: PostgresLockService['fence'];
}

/**
 * Locks in files of lock_dir, and at the database, whatever lock_dir is, empty included: beside a
 * SQLite file, so that containers and configurations with another lock_dir meet there, and in
 * PostgreSQL, which several hosts may share. Nothing is opened yet.
 * @param command what others are told when a lock of ours is in their way.
 */
export async function locksFor({ lockDir, engine }: Config, command: string): Promise<Locks> {
  const onHost = new FileLockService(inLockDir(lockDir));
  if (!isPostgresUrl(engine)) {
    const atDatabase = new FileLockService(besideDatabase(sqlitePath(engine)));
    return { locks: new CombinedLockService([onHost, atDatabase]) };
  }
  const [{ PostgresLockService }, { connectAlone, labelOfEngine }] = await Promise.all([
    import('../../locking/postgres-lock.ts'),
    import('../../meta/postgresql/lone-client.ts'),
  ]);
  const name = `backy2 ${command} on ${hostname().slice(0, HOST_LENGTH)}, pid ${process.pid}`;
  const between = new PostgresLockService({
    connect: () => connectAlone(engine, name),
    where: labelOfEngine(engine),
  });
  return { locks: new CombinedLockService([onHost, between]), lost: between.lost, fence: () => between.fence() };
}
