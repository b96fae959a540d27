import { constants } from 'node:os';
import type { FuseOperations, FuseStat } from 'fuse-native';
import { BackyError, type ErrorCode, errnoOf, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { FileNode, MountedFiles, OpenFile } from './files.ts';

const { errno: ERRNO } = constants;
const FOLDER = 0o040755;
const LINK = 0o120777;
const FILE = 0o100444;
const WRITABLE_FILE = 0o100600;

/** A failure with the errno that the caller gets. */
class Refusal extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** Open files by handle. */
class FileHandles {
  readonly #files = new Map<number, OpenFile>();
  #last = 0;

  get count(): number {
    return this.#files.size;
  }

  add(file: OpenFile): number {
    this.#files.set(++this.#last, file);
    return this.#last;
  }

  get(handle: number): OpenFile {
    return this.#files.get(handle) ?? refuse(ERRNO.EBADF);
  }

  async close(handle: number): Promise<void> {
    const file = this.get(handle);
    this.#files.delete(handle);
    await file.close();
  }
}

/**
 * Answers the kernel's requests from `files`. Without handlers for flush and fsync, both succeed.
 */
export function fuseOperations(files: MountedFiles, logger: Logger): FuseOperations & { readonly openFiles: number } {
  const handles = new FileHandles();
  const nodeOf = async (path: string): Promise<FileNode> => (await files.node(path)) ?? refuse(ERRNO.ENOENT);
  /** Runs `body` and turns its error into an errno for the caller. */
  const answer = <T>(body: () => Promise<T>, done: (error: number, value?: T) => void) => {
    body().then(
      (value) => done(0, value),
      (error: unknown) => done(-toErrno(error, logger)),
    );
  };
  const linkOf = async (path: string): Promise<string> => {
    const node = await nodeOf(path);
    return node.kind === 'link' ? node.target : refuse(ERRNO.EINVAL);
  };
  /** Accepts only the current length: a version's length never changes. */
  const checkLength = async (path: string, size: number): Promise<void> => {
    const node = await nodeOf(path);
    if (node.kind !== 'file' || node.sizeBytes !== size) refuse(ERRNO.EPERM);
  };
  return {
    get openFiles() {
      return handles.count;
    },
    getattr: (path, done) => answer(async () => statOf(await nodeOf(path)), done),
    readdir: (path, done) => answer(async () => (await files.list(path)) ?? refuse(ERRNO.ENOTDIR), done),
    readlink: (path, done) => answer(() => linkOf(path), done),
    open: (path, _flags, done) => answer(async () => handles.add(await files.open(path)), done),
    read: (_path, handle, into, _length, offset, done) =>
      answer(
        async () => handles.get(handle).read(into, offset),
        (error, count = 0) => done(error === 0 ? count : error),
      ),
    write: (_path, handle, bytes, length, offset, done) =>
      answer(
        async () => handles.get(handle).write(bytes, offset),
        (error) => done(error === 0 ? length : error),
      ),
    release: (_path, handle, done) => answer(() => handles.close(handle), done),
    truncate: (path, size, done) => answer(() => checkLength(path, size), done),
    ftruncate: (path, _handle, size, done) => answer(() => checkLength(path, size), done),
    statfs: (_path, done) => done(0, STATFS),
  };
}

/** Reports no free space: files can't grow. */
const STATFS = {
  bsize: 4096,
  frsize: 4096,
  blocks: 0,
  bfree: 0,
  bavail: 0,
  files: 0,
  ffree: 0,
  favail: 0,
  fsid: 0,
  flag: 0,
  namemax: 255,
};

function statOf(node: FileNode): FuseStat {
  const { date } = node;
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const common = { uid, gid, nlink: 1, mtime: date, atime: date, ctime: date };
  switch (node.kind) {
    case 'folder':
      return { ...common, mode: FOLDER, size: 0, nlink: 2 };
    case 'link':
      return { ...common, mode: LINK, size: Buffer.byteLength(node.target) };
    case 'file':
      return { ...common, mode: node.isWritable ? WRITABLE_FILE : FILE, size: node.sizeBytes };
  }
}

function refuse(errno: number): never {
  throw new Refusal(errno);
}

/** Codes of errors that were logged where they occurred. */
const LOGGED_CODES = new Set<ErrorCode>(['blocksBad', 'dataBackend', 'blobUnreadable', 'io', 'worker']);

function toErrno(error: unknown, logger: Logger): number {
  if (error instanceof Refusal) return error.errno;
  const name = errnoOf(error instanceof Error ? (error.cause ?? error) : error);
  if (name === 'ENOSPC' || name === 'EDQUOT') return ERRNO.ENOSPC;
  const code = error instanceof BackyError ? error.code : undefined;
  if (code === undefined || !LOGGED_CODES.has(code)) logger.error(messageOf(error));
  return code === 'locked' ? ERRNO.EBUSY : code === 'notFound' ? ERRNO.ENOENT : ERRNO.EIO;
}
