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

/** libfuse takes it in with the name, which is the one option that reaches it as it is: writes of 128 KiB instead of 4. */
const NAME_AND_BIG_WRITES = 'backy2,big_writes';

/** Files that are mounted. */
export interface Mount {
  /** Where, as the kernel has it. */
  readonly mountpoint: string;
  /** Whether they still are, or somebody has one open though they are not. */
  isInUse(): boolean;
  /** Unmounts. @returns false when somebody uses it. */
  unmount(): Promise<boolean>;
}

/** Mounts `files`. A mountpoint that can't be one, and a system that can't mount, are BackyErrors. */
export async function mountFiles(folder: string, files: MountedFiles, logger: Logger): Promise<Mount> {
  const mountpoint = resolve(folder);
  const FuseClass = loadFuse();
  checkMountpoint(mountpoint);
  const operations = fuseOperations(files, logger);
  const fuse = new FuseClass(mountpoint, operations, {
    // As root others may look; who may read what is up to the modes.
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

/** Loaded on first use, and MAY be missing: it is an optional dependency, since its binary is not for every system. */
function loadFuse(): typeof Fuse {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    const isThere = errnoOf(error) !== 'ENOENT';
    throw new BackyError('failed', isThere ? '/dev/fuse may not be opened.' : 'There is no /dev/fuse here.', {
      hint: isThere
        ? 'Run it as root, or get access to the device.'
        : 'Load it with: modprobe fuse. In a container it has to be passed in.',
      cause: error,
    });
  }
  try {
    return createRequire(import.meta.url)('fuse-native') as typeof Fuse;
  } catch (error) {
    throw new BackyError('failed', `Cannot load fuse-native: ${messageOf(error).split('\n')[0]}`, {
      hint: "Install it with: npm install fuse-native. Where it can't be had, backy2 nbd does the same without it.",
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
    const why = { ENOENT: 'it does not exist', ENOTDIR: 'it is no folder' }[errnoOf(error) ?? ''] ?? messageOf(error);
    throw refuse(why, 'Give an empty folder.', error);
  }
  if (names.length > 0) throw refuse('it is not empty', 'Give an empty folder.');
}

function cannotMount(mountpoint: string, cause: Error): BackyError {
  return new BackyError('failed', `Cannot mount on ${mountpoint}: ${cause.message}.`, {
    hint: 'As an ordinary user it takes the program fusermount (Debian package fuse). In a container it takes the capability SYS_ADMIN.',
    cause,
  });
}

/** From the kernel's own list: to ask the mountpoint itself could wait for ourselves. */
function isMounted(mountpoint: string): boolean {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return mounted.some((line) => unescapeOctal(line.split(' ')[4] ?? '') === mountpoint);
}

/** Blanks and the like are `\040` in there. */
function unescapeOctal(text: string): string {
  return text.includes('\\')
    ? Buffer.from(
        text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        'utf8',
      ).toString()
    : text;
}
