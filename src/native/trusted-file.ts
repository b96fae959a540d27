import { readFileSync, type Stats, statSync } from 'node:fs';
import { OWNER_ONLY } from './create-file.ts';
import { printableName } from './printable-name.ts';

const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_OTHERS = 0o002;
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
 * @param fileMode if it lets the group write, all members of a folder's group are trusted there.
 */
export function isOpenToOthers(folder: string, fileMode: number): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  const isGroups = (stats.mode & fileMode & WRITABLE_BY_GROUP) !== 0 && isMember(stats.gid);
  return isWritable(stats, fileMode) || !(isGroups || isTrusted(stats.uid));
}

function isMember(gid: number): boolean {
  return gid === process.getegid?.() || process.getgroups?.().includes(gid) === true;
}

/** Whether others than its owner, or than the group of `fileMode`, can put files into a folder. */
export function isWritableByOthers(folder: string, fileMode: number): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats !== undefined && isWritable(stats, fileMode);
}

function isWritable({ mode }: Stats, fileMode: number): boolean {
  return (mode & (WRITABLE_BY_OTHERS | (WRITABLE_BY_GROUP & ~fileMode))) !== 0;
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
  return stats?.uid === uid && !isWritable(stats, OWNER_ONLY) ? undefined : userName(uid);
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
