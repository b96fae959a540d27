import { BackyError } from '../errors.ts';
import { libc } from './libc.ts';

const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const POSIX_FADV_DONTNEED = 4;
const SYNC_FILE_RANGE_WRITE = 2;
const FALLOC_FL_KEEP_SIZE = 0x01;
const FALLOC_FL_PUNCH_HOLE = 0x02;
const FALLOC_FL_ZERO_RANGE = 0x10;
/** An ioctl of block devices; its argument is offset and length, 64 bits each. */
const BLKDISCARD = 0x1277;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const F_GETLK = 5;
const F_WRLCK = 1;
const F_UNLCK = 2;
const F_SETPIPE_SZ = 1031;
/** The most that an ordinary user may ask for (/proc/sys/fs/pipe-max-size). */
const LARGE_PIPE_BYTES = 1024 * 1024;
/** Of struct flock: type and whence, 16 bits each, then (aligned) start, length and pid. */
const FLOCK_BYTES = 32;

/** Size in bytes of an open file or block device. For a device, stat would say 0. */
export function sizeByLseek(fd: number): number {
  const size = libc().lseek(fd, 0, SEEK_END);
  if (size < 0) throw systemError('lseek');
  return size;
}

/**
 * True when the file system knows that `[offset, offset + length)` holds no data and reads as
 * zeros. False when unsure: not supported, a device, an error. Costs one system call.
 */
export function isHole(fd: number, offset: number, length: number): boolean {
  const next = libc().lseek(fd, offset, SEEK_DATA);
  if (next >= 0) return liesBehind(next, offset, length);
  // ENXIO: no data from here to the end of the file. Also past its end, which is no hole.
  return libc().errnoName(libc().errno()) === 'ENXIO' && libc().lseek(fd, 0, SEEK_END) >= offset + length;
}

/**
 * The same without blocking the calling thread. Without `errno`, the end of the data shows by a
 * hole that begins at `offset` itself.
 */
export async function findHole(fd: number, offset: number, length: number): Promise<boolean> {
  const next = await libc().lseekAsync(fd, offset, SEEK_DATA);
  if (next >= 0) return liesBehind(next, offset, length);
  if ((await libc().lseekAsync(fd, offset, SEEK_HOLE)) !== offset) return false;
  return (await libc().lseekAsync(fd, 0, SEEK_END)) >= offset + length;
}

/** Whether the next data is behind a range, so that the hole covers all of it. */
function liesBehind(next: number, offset: number, length: number): boolean {
  return next >= offset + length;
}

/** Drops clean pages of a range from the page cache. Ignores failures. */
export function dropPageCache(fd: number, offset: number, length: number): void {
  libc().fadvise(fd, offset, length, POSIX_FADV_DONTNEED);
}

/** Starts to write a range's dirty pages to the device, without waiting. Ignores failures. */
export function startWriteback(fd: number, offset: number, length: number): void {
  libc().syncFileRange(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

/**
 * Makes a range read as zeros without writing it; its space stays allocated. A device may have to
 * write it nonetheless, so it does not block the calling thread. False if it can't.
 */
export async function zeroRange(fd: number, offset: number, length: number): Promise<boolean> {
  return (await libc().fallocateAsync(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length)) === 0;
}

/** Makes a range a hole, which frees its space. False if the file system can't. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  return libc().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) === 0;
}

/**
 * The same without blocking the calling thread. A device that takes it promises zeros: that is not
 * a mere discard.
 */
export async function digHole(fd: number, offset: number, length: number): Promise<boolean> {
  return (await libc().fallocateAsync(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length)) === 0;
}

/**
 * Tells a block device that a range is not needed. It may read as anything then. False if the
 * device can't. Does not block the calling thread.
 */
export async function discardRange(fd: number, offset: number, length: number): Promise<boolean> {
  return (await libc().ioctlAsync(fd, BLKDISCARD, new BigUint64Array([BigInt(offset), BigInt(length)]))) === 0;
}

/** flock(2) without waiting. False when another open file holds a conflicting lock. */
export function tryFlock(fd: number, mode: 'shared' | 'exclusive'): boolean {
  if (libc().flock(fd, (mode === 'shared' ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true;
  const name = libc().errnoName(libc().errno());
  if (name === 'EAGAIN' || name === 'EWOULDBLOCK') return false;
  throw systemError('flock');
}

/**
 * Whether another process has a record lock (fcntl(2)) on any part of the file. True if the system
 * can't tell.
 */
export function isLockedByAnother(fd: number): boolean {
  // Start and length of zero: asks for locks that conflict with writing any part of the file.
  const lock = new Int16Array(FLOCK_BYTES / 2);
  lock[0] = F_WRLCK;
  return libc().fcntl(fd, F_GETLK, lock) !== 0 || lock[0] !== F_UNLCK;
}

/**
 * Gives a pipe more room than the usual 64 KiB, so that its two ends take turns less often. Ignores
 * failures, and what is no pipe.
 */
export function growPipe(fd: number): void {
  libc().fcntlFlags(fd, F_SETPIPE_SZ, LARGE_PIPE_BYTES);
}

/**
 * Ends the process now, without joining threads: the last resort when a thread hangs in the kernel.
 * `process.exit` would wait for it forever.
 */
export function exitNow(status: number): void {
  libc().exit(status);
}

function systemError(call: string): BackyError {
  const { errno, errnoName } = libc();
  const code = errnoName(errno());
  const cause = Object.assign(new Error(code), { code });
  return new BackyError('io', `${call} failed: ${code}`, { hint: 'The kernel log may tell why.', cause });
}
