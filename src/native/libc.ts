import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { BackyError } from '../errors.ts';
import { once } from './once.ts';

/**
 * Calls of libc that Node lacks. Offsets and lengths are bytes. A result below 0 is a failure;
 * `errno()` has the reason.
 */
interface Libc {
  flock(fd: number, operation: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  /**
   * Runs on a thread of koffi's, so that a file system that hangs blocks nobody. Sets no `errno()`.
   */
  lseekAsync(fd: number, offset: number, whence: number): Promise<number>;
  fadvise(fd: number, offset: number, length: number, advice: number): number;
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  /** See {@link lseekAsync}. */
  fallocateAsync(fd: number, mode: number, offset: number, length: number): Promise<number>;
  /** See {@link lseekAsync}. Keeps `argument` alive until it is done. */
  ioctlAsync(fd: number, request: number, argument: ArrayBufferView): Promise<number>;
  syncFileRange(fd: number, offset: number, length: number, flags: number): number;
  /** Addresses are numbers: the system gives none beyond 2^47. */
  mmap(address: number, length: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, length: number): number;
  madvise(address: number, length: number, advice: number): number;
  /** Sets a byte for each page, whose lowest bit says whether it is in memory. */
  mincore(address: number, length: number, pages: Uint8Array): number;
  fcntl(fd: number, command: number, argument: ArrayBufferView): number;
  /** The forms of fcntl that take and return flags. */
  fcntlFlags(fd: number, command: number, flags: number): number;
  /** Where the bytes are in memory. */
  address(bytes: Uint8Array): bigint;
  sigaction(signal: number, next: Uint8Array | null, previous: Uint8Array | null): number;
  memcpy(to: Uint8Array, from: Uint8Array, length: number): void;
  exit(status: number): void;
  errno(): number;
  errnoName(errno: number): string;
}

type Koffi = typeof import('koffi');

/**
 * Loads koffi and libc on first use: 10 ms that commands without locks or blocks need not spend.
 */
export const libc = once(load);

function load(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const library = openLibrary(koffi);
  const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value as number, name]));
  const fallocate = library.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
  const ioctl = promisify(library.func('int ioctl(int fd, unsigned long request, _Inout_ void *argument)').async);
  const lseek = library.func('int64_t lseek(int fd, int64_t offset, int whence)');
  return {
    flock: library.func('int flock(int fd, int operation)') as Libc['flock'],
    lseek: lseek as Libc['lseek'],
    lseekAsync: promisify(lseek.async) as Libc['lseekAsync'],
    fadvise: library.func('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)') as Libc['fadvise'],
    fallocate: fallocate as Libc['fallocate'],
    fallocateAsync: promisify(fallocate.async) as Libc['fallocateAsync'],
    ioctlAsync: async (fd, request, argument) => {
      const result = (await ioctl(fd, request, argument)) as number;
      return argument.byteLength > 0 ? result : -1;
    },
    syncFileRange: library.func(
      'int sync_file_range(int fd, int64_t offset, int64_t length, uint32_t flags)',
    ) as Libc['syncFileRange'],
    mmap: library.func(
      'int64_t mmap(int64_t address, size_t length, int protection, int flags, int fd, int64_t offset)',
    ) as Libc['mmap'],
    madvise: library.func('int madvise(int64_t address, size_t length, int advice)') as Libc['madvise'],
    munmap: library.func('int munmap(int64_t address, size_t length)') as Libc['munmap'],
    mincore: library.func('int mincore(int64_t address, size_t length, _Out_ uint8_t *pages)') as Libc['mincore'],
    fcntl: library.func('int fcntl(int fd, int command, _Inout_ void *argument)') as Libc['fcntl'],
    fcntlFlags: library.func('int fcntl(int fd, int command, int flags)') as Libc['fcntlFlags'],
    address: (bytes) => koffi.address(bytes),
    sigaction: library.func('int sigaction(int signal, const void *next, _Out_ void *previous)') as Libc['sigaction'],
    memcpy: library.func('void memcpy(void *to, const void *from, size_t length)') as Libc['memcpy'],
    exit: library.func('void _exit(int status)') as Libc['exit'],
    errno: () => koffi.errno(),
    errnoName: (errno) => names.get(errno) ?? `errno ${errno}`,
  };
}

/** Tries the name of glibc first, then musl's. */
function openLibrary(koffi: Koffi): ReturnType<Koffi['load']> {
  const names = ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`];
  let cause: unknown;
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      cause = error;
    }
  }
  throw new BackyError('failed', `Cannot load the C library (tried ${names.join(', ')}).`, {
    hint: 'backy2 runs on Linux with glibc or musl.',
    cause,
  });
}
