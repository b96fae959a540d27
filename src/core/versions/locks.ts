import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import { LOCK_NAMES, type Lock, type LockMode, type LockService } from '../../locking/lock.ts';

/**
 * A command that is about to be refused holds a lock for a moment: others look again until it must
 * have given it back.
 */
const PASSING_MS = 500;
const RETRY_MS = 20;

/** Refuses to work while someone has the installation to themselves (cleanup -f, rekey). */
export async function checkInstallationFree(locks: LockService): Promise<void> {
  const isFree = async () => ((await locks.isHeld(LOCK_NAMES.installation)) ? undefined : true);
  if ((await unlessPassing(isFree)) === undefined) throw await installationTaken(locks);
}

/** Registers an operation for its time, so that nobody takes the whole installation meanwhile. */
export async function lockForOperation(locks: LockService): Promise<Lock> {
  await checkInstallationFree(locks);
  const lock = await unlessPassing(() => locks.tryAcquire(LOCK_NAMES.operations, 'shared'));
  if (lock === undefined) throw await installationTaken(locks, LOCK_NAMES.operations);
  return lock;
}

/**
 * Runs `body` with the whole installation; refused while any other operation runs. Who is refused
 * has held nothing: the lock of the installation, which all others look at, comes last.
 */
export function holdingInstallation<T>(locks: LockService, body: () => Promise<T>): Promise<T> {
  return holding([() => lockOutOperations(locks), () => lockInstallation(locks)], body);
}

async function lockInstallation(locks: LockService): Promise<Lock> {
  const lock = await unlessPassing(() => locks.tryAcquire(LOCK_NAMES.installation, 'exclusive'));
  if (lock === undefined) throw await installationTaken(locks);
  return lock;
}

async function lockOutOperations(locks: LockService): Promise<Lock> {
  const lock = await unlessPassing(() => locks.tryAcquire(LOCK_NAMES.operations, 'exclusive'));
  if (lock !== undefined) return lock;
  // Another one that wants the whole installation has both locks.
  if (await locks.isHeld(LOCK_NAMES.installation)) throw await installationTaken(locks);
  const holders = await whoHas(locks, LOCK_NAMES.operations);
  throw new BackyError('locked', 'Other backy instances are running.', {
    hint: `This command needs the whole installation. Wait until backups, restores and scrubs have ended: ${holders}`,
  });
}

/** Refuses to work beside processes of the original, which know less of our locks; `others` are their titles. */
export function refuseOtherInstances(others: readonly string[]): void {
  if (others.length === 0) return;
  throw new BackyError('locked', 'Other backy instances are running.', {
    hint: `This command needs the whole installation. In the way: ${others.join('; ')}`,
  });
}

/**
 * The first answer of `attempt` that is none of undefined, or undefined when there is none for half
 * a second.
 */
async function unlessPassing<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const giveUpAt = performance.now() + PASSING_MS; ; await sleep(RETRY_MS)) {
    const answer = await attempt();
    if (answer !== undefined || performance.now() > giveUpAt) return answer;
  }
}

/** Locks a version for reading it (shared) or for making or removing it (exclusive). */
export async function lockVersion(locks: LockService, uid: string, mode: LockMode): Promise<Lock> {
  const lock = await locks.tryAcquire(uid, mode);
  if (lock !== undefined) return lock;
  throw await versionTaken(locks, uid);
}

/** Refuses versions that someone makes or removes: their rows come and go. Nothing is held afterwards. */
export async function checkVersionsFree(locks: LockService, uids: readonly string[]): Promise<void> {
  for (const uid of uids) if (await locks.isHeld(uid)) throw await versionTaken(locks, uid);
}

/**
 * Takes locks one after the other, runs `body`, and gives them back, the last first, however it ends: a lock that can't be taken,
 * too. `body` MAY add locks to those that are held.
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

/** Gives locks back, the last first: all of them, though one fails. */
async function releaseAll(held: readonly Lock[]): Promise<void> {
  const failures: unknown[] = [];
  for (const lock of held.toReversed()) await lock.release().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function versionTaken(locks: LockService, uid: string): Promise<BackyError> {
  return new BackyError('locked', `Version ${uid} is locked.`, {
    data: { uid },
    hint: `Another backy2 backs it up, restores, scrubs or removes it. Wait until that has ended: ${await whoHas(locks, uid)}`,
  });
}

async function installationTaken(locks: LockService, name: string = LOCK_NAMES.installation): Promise<BackyError> {
  const inTheWay = await whoHas(locks, name);
  return new BackyError('locked', 'A backy is running which requires exclusive access.', {
    hint: `Wait until the running cleanup --full or rekey has ended: ${inTheWay}`,
  });
}

/** Who is in the way, on other hosts too, or how to find out. */
export async function whoHas(locks: LockService, name: string): Promise<string> {
  const holders = await locks.holders(name);
  return holders.length === 0 ? 'ps axfu | grep backy2' : holders.join('; ');
}
