import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError, errnoOf } from '../../errors.ts';
import { LOCK_NAMES, type Lock, type LockMode, type LockService } from '../../locking/lock.ts';

/** A command that will be refused may hold a lock for a moment. Others retry for this long. */
const RETRY_FOR_MS = 500;
const RETRY_INTERVAL_MS = 20;

/**
 * Throws a BackyError `locked` while a command has the whole installation (cleanup --full, rekey).
 */
export async function checkInstallationFree(locks: LockService): Promise<void> {
  const isFree = async () => ((await locks.isHeld(LOCK_NAMES.installation)) ? undefined : true);
  if ((await retryBriefly(isFree)) === undefined) throw await installationTaken(locks);
}

/**
 * Registers a running operation. Until the lock is released, no command can take the whole
 * installation.
 */
export async function lockForOperation(locks: LockService): Promise<Lock> {
  await checkInstallationFree(locks);
  const lock = await retryBriefly(() => locks.tryAcquire(LOCK_NAMES.operations, 'shared'));
  if (lock === undefined) throw await installationTaken(locks, LOCK_NAMES.operations);
  return lock;
}

/**
 * Runs `body` while no other operation runs. Throws a BackyError `locked` if one does. The lock
 * that all others check is taken last, so a refused command never disturbs them.
 */
export function holdingInstallation<T>(locks: LockService, body: () => Promise<T>): Promise<T> {
  return holding([() => lockOutOperations(locks), () => lockInstallation(locks)], body);
}

async function lockInstallation(locks: LockService): Promise<Lock> {
  const lock = await retryBriefly(() => locks.tryAcquire(LOCK_NAMES.installation, 'exclusive'));
  if (lock === undefined) throw await installationTaken(locks);
  return lock;
}

/**
 * Keeps all other operations of ours out. Needs no new lock file once there was one, and so no
 * inode. Throws a BackyError `locked` while others run.
 */
export async function lockOutOperations(locks: LockService): Promise<Lock> {
  const lock = await retryBriefly(() => locks.tryAcquire(LOCK_NAMES.operations, 'exclusive'));
  if (lock !== undefined) return lock;
  // Another command with the whole installation holds both locks.
  if (await locks.isHeld(LOCK_NAMES.installation)) throw await installationTaken(locks);
  const holders = await describeHolders(locks, LOCK_NAMES.operations);
  throw new BackyError('locked', 'Other backy instances are running.', {
    hint: `This command needs the whole installation. Wait until backups, restores and scrubs have ended: ${holders}`,
  });
}

/**
 * Throws a BackyError `locked` while processes of the original run, which do not know all locks.
 * @param others titles of these processes. @param why a sentence for the hint.
 */
export function refuseOtherInstances(others: readonly string[], why = 'This command needs the whole installation.'): void {
  if (others.length === 0) return;
  throw new BackyError('locked', 'Other backy instances are running.', {
    hint: `${why} Wait until these have ended: ${others.join('; ')}`,
  });
}

/**
 * Retries `attempt` until it returns a value. Returns undefined after half a second without one.
 */
async function retryBriefly<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const giveUpAt = performance.now() + RETRY_FOR_MS; ; await sleep(RETRY_INTERVAL_MS)) {
    const result = await attempt();
    if (result !== undefined || performance.now() > giveUpAt) return result;
  }
}

/**
 * Locks a version: shared to read it, exclusive to create or remove it. Throws a BackyError
 * `locked`.
 */
export async function lockVersion(locks: LockService, uid: string, mode: LockMode): Promise<Lock> {
  const lock = await locks.tryAcquire(uid, mode);
  if (lock !== undefined) return lock;
  throw await versionTaken(locks, uid);
}

/**
 * Locks imports: shared for one of them, exclusive to keep all of them away. An import looks for
 * blobs before a row names them. Throws a BackyError `locked`.
 */
export async function lockImports(locks: LockService, mode: LockMode): Promise<Lock> {
  const lock = await retryBriefly(() => locks.tryAcquire(LOCK_NAMES.imports, mode));
  if (lock !== undefined) return lock;
  throw new BackyError('locked', 'Another backy brings versions into the database, or makes room on a full disk.', {
    hint: `Wait until it has ended: ${await describeHolders(locks, LOCK_NAMES.imports)}`,
  });
}

/**
 * Takes a lock exclusively. Without a free inode there is no lock file, and so no holder; what
 * frees inodes must run then.
 */
export async function tryWithoutInodes(locks: LockService, name: string): Promise<Lock | undefined> {
  try {
    return await locks.tryAcquire(name, 'exclusive');
  } catch (error) {
    if (error instanceof BackyError && errnoOf(error.cause) === 'ENOSPC') return { release: async () => {} };
    throw error;
  }
}

/**
 * Throws a BackyError `locked` while a version is being created or removed. Takes no lock itself.
 */
export async function checkVersionsFree(locks: LockService, uids: readonly string[]): Promise<void> {
  for (const uid of uids) if (await locks.isHeld(uid)) throw await versionTaken(locks, uid);
}

/**
 * Takes locks one after the other, runs `body`, and releases all of them, the last one first. Also
 * releases them if a later one can't be taken or `body` fails. `body` MAY add locks to `held`.
 */
export async function holding<T>(takers: readonly (() => Promise<Lock>)[], body: (held: Lock[]) => Promise<T>): Promise<T> {
  const held: Lock[] = [];
  try {
    for (const take of takers) held.push(await take());
    return await body(held);
  } finally {
    await releaseAll(held);
  }
}

/** Releases all locks even if one fails. Throws the first failure. */
export async function releaseAll(held: readonly Lock[]): Promise<void> {
  const failures: unknown[] = [];
  for (const lock of held.toReversed()) await lock.release().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function versionTaken(locks: LockService, uid: string): Promise<BackyError> {
  return new BackyError('locked', `Version ${uid} is locked.`, {
    data: { uid },
    hint: `Another backy2 backs it up, restores, scrubs or removes it. Wait until that has ended: ${await describeHolders(locks, uid)}`,
  });
}

async function installationTaken(locks: LockService, name: string = LOCK_NAMES.installation): Promise<BackyError> {
  const holders = await describeHolders(locks, name);
  return new BackyError('locked', 'A backy is running which requires exclusive access.', {
    hint: `Wait until the running cleanup --full, rekey or convert-db has ended: ${holders}`,
  });
}

/** Lists the holders of a lock on all hosts, or a command that finds them. */
export async function describeHolders(locks: LockService, name: string): Promise<string> {
  const holders = await locks.holders(name);
  return holders.length === 0 ? 'ps axfu | grep backy2' : holders.join('; ');
}
