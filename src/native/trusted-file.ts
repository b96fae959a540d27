import { readFileSync, type Stats, statSync } from 'node:fs';
import { printableName } from './printable-name.ts';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Whether a user's files are trusted in any place: those of root and of this process's user are.
 */
export function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/**
 * Whether users that this process does not trust can put files into a folder: into /tmp, or into
 * one of their own. False if it can't be read: the next open there fails with a better reason.
 */
export function isOpenToOthers(folder: string): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats !== undefined && (isWritable(stats) || !isTrusted(stats.uid));
}

/** Whether others than its owner can put files into a folder. */
export function isWritableByOthers(folder: string): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats !== undefined && isWritable(stats);
}

function isWritable({ mode }: Stats): boolean {
  return (mode & WRITABLE_BY_OTHERS) !== 0;
}

/** Whether only the owner of a file can rename or remove it in this folder. */
export function isSticky(folder: string): boolean {
  return ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & STICKY) !== 0;
}

/**
 * The owner of a file in a folder, for messages, if this process does not trust them. The owner of
 * a folder that is closed to others is trusted there: root may work on another user's installation.
 */
export function foreignOwner({ uid }: Pick<Stats, 'uid'>, folder: string): string | undefined {
  if (isTrusted(uid)) return undefined;
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats?.uid === uid && !isWritable(stats) ? undefined : userName(uid);
}

/** `user mallory (uid 1001)`, or the number alone if the system has no name for it. */
export function userName(uid: number): string {
  const name = readPasswd()
    .find((line) => line.split(':')[2] === String(uid))
    ?.split(':')[0];
  return name === undefined ? `the user with uid ${uid}` : `user ${printableName(name)} (uid ${uid})`;
}

function readPasswd(): string[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n');
  } catch {
    return [];
  }
}
