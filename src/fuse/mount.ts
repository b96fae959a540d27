import { execFile } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type Fuse from 'fuse-native';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { MountedFiles } from './files.ts';
import { fuseOperations } from './operations.ts';

const run = promisify(execFile);

/**
 * `big_writes` makes writes 128 KiB instead of 4 KiB. It hides in the name, the only option that is
 * passed on unchanged.
 */
const NAME_AND_BIG_WRITES = 'backy2,big_writes';

/** A mounted file system. */
export interface Mount {
  /** Absolute path, as the kernel lists it. */
  readonly mountpoint: string;
  /** True while it is mounted, and while files are open after a lazy unmount. */
  isInUse(): boolean;
  /** @returns false when somebody uses it. */
  unmount(): Promise<boolean>;
}

/** Mounts `files`. Throws a BackyError for an unusable mountpoint and on a system without FUSE. */
export async function mountFiles(folder: string, files: MountedFiles, logger: Logger): Promise<Mount> {
  const mountpoint = resolve(folder);
  const FuseClass = loadFuse();
  checkMountpoint(mountpoint);
  const operations = fuseOperations(files, logger);
  const fuse = new FuseClass(mountpoint, operations, {
    // As root, allow other users to list files. Modes decide who may read them.
    allowOther: process.getuid?.() === 0,
    defaultPermissions: true,
    fsname: NAME_AND_BIG_WRITES,
    subtype: 'backy2',
  });
  await new Promise<void>((done, reject) => {
    fuse.mount((error) => (error === null || error === undefined ? done() : reject(cannotMount(mountpoint, error))));
  });
  return {
    mountpoint,
    isInUse: () => operations.openFiles > 0 || isMounted(mountpoint),
    unmount: async () => {
      await run('fusermount', ['-u', '-q', mountpoint]).catch(() => {});
      return !isMounted(mountpoint);
    },
  };
}

/**
 * Loads fuse-native on first use. It is an optional dependency and MAY be missing: it has no binary
 * for some systems.
 */
function loadFuse(): typeof Fuse {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    const exists = errnoOf(error) !== 'ENOENT';
    throw new BackyError('failed', exists ? '/dev/fuse may not be opened.' : 'There is no /dev/fuse here.', {
      hint: exists
        ? 'Run it as root, or get access to the device.'
        : 'Load it with: modprobe fuse. In a container, pass in the device.',
      cause: error,
    });
  }
  try {
    return createRequire(import.meta.url)('fuse-native') as typeof Fuse;
  } catch (error) {
    throw new BackyError('failed', `Cannot load fuse-native: ${messageOf(error).split('\n')[0]}`, {
      hint: 'Install it with: npm install fuse-native. On systems without it, use backy2 nbd instead.',
      cause: error,
    });
  }
}

function checkMountpoint(mountpoint: string): void {
  const refuse = (why: string, hint: string, cause?: unknown) =>
    new BackyError('failed', `Cannot mount on ${mountpoint}: ${why}.`, { hint, cause });
  if (isMounted(mountpoint)) throw refuse('something is mounted there already', `Unmount it first: fusermount -u ${mountpoint}`);
  let names: string[];
  try {
    names = readdirSync(mountpoint);
  } catch (error) {
    const why = { ENOENT: 'it does not exist', ENOTDIR: 'it is not a folder' }[errnoOf(error) ?? ''] ?? messageOf(error);
    throw refuse(why, 'Give an empty folder.', error);
  }
  if (names.length > 0) throw refuse('it is not empty', 'Give an empty folder.');
}

function cannotMount(mountpoint: string, cause: Error): BackyError {
  return new BackyError('failed', `Cannot mount on ${mountpoint}: ${cause.message}.`, {
    hint: 'An ordinary user needs the program fusermount (Debian package fuse). A container needs the capability SYS_ADMIN.',
    cause,
  });
}

/** Reads the kernel's list. A call on the mountpoint itself could wait for this process forever. */
function isMounted(mountpoint: string): boolean {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return mounted.some((line) => unescapeOctal(line.split(' ')[4] ?? '') === mountpoint);
}

/** The kernel writes blanks and similar characters as `\040`. */
function unescapeOctal(text: string): string {
  return text.includes('\\')
    ? Buffer.from(
        text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        'utf8',
      ).toString()
    : text;
}
