import { constants } from 'node:fs';
import { libc } from './libc.ts';

/**
 * Alignment of memory, offsets and lengths for O_DIRECT, in bytes (open(2)): a page, which is
 * enough for every block size of a disk.
 */
export const DIRECT_ALIGNMENT = 4096;

const F_GETFL = 3;
const F_SETFL = 4;

/** A huge page of the common processors, in bytes: x86-64, and arm64 with pages of 4 KiB. */
const HUGE_PAGE = 2 * 1024 ** 2;
/** madvise(2). */
const MADV_HUGEPAGE = 14;

/**
 * Memory for direct I/O: its start and its length are multiples of {@link DIRECT_ALIGNMENT}.
 * `atLeast` bytes, rounded up. Zeroed by the system on first use. From 2 MiB on it is made of huge
 * pages, unless the system has none: the first use of 4 MiB then takes 0.5 to 1.5 ms, not 2.2.
 */
export function alignedBytes(atLeast: number): Uint8Array {
  return alignedPart((bytes) => new ArrayBuffer(bytes), roundUp(atLeast));
}

/** The same as {@link alignedBytes}, shared with other threads. */
export function alignedSharedBytes(atLeast: number): Uint8Array<SharedArrayBuffer> {
  return alignedPart((bytes) => new SharedArrayBuffer(bytes), roundUp(atLeast));
}

function alignedPart<Buffer extends ArrayBufferLike>(allocate: (bytes: number) => Buffer, length: number): Uint8Array<Buffer> {
  // The rest of the buffer is never touched, so it takes no memory.
  const alignment = length < HUGE_PAGE ? DIRECT_ALIGNMENT : HUGE_PAGE;
  const buffer = allocate(length + alignment);
  const address = Number(libc().address(new Uint8Array(buffer)));
  const start = (alignment - (address % alignment)) % alignment;
  // Refused by a kernel without huge pages: then it is ordinary memory.
  if (alignment === HUGE_PAGE) libc().madvise(address + start, length, MADV_HUGEPAGE);
  return new Uint8Array(buffer, start, length);
}

/** Whether memory starts where direct I/O needs it. Costs about a microsecond. */
export function isAligned(bytes: Uint8Array): boolean {
  return pageOffset(bytes) === 0;
}

/** The next multiple of {@link DIRECT_ALIGNMENT}. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
}

/** The last multiple of {@link DIRECT_ALIGNMENT}. */
export function roundDown(bytes: number): number {
  return bytes - (bytes % DIRECT_ALIGNMENT);
}

/**
 * Lets the next reads and writes of an open file pass by the page cache, or through it again.
 * @returns false if its file system does not take direct I/O.
 */
export function setDirect(fd: number, isDirect: boolean): boolean {
  const flags = libc().fcntlFlags(fd, F_GETFL, 0);
  if (flags < 0) return false;
  const wanted = isDirect ? flags | constants.O_DIRECT : flags & ~constants.O_DIRECT;
  return wanted === flags || libc().fcntlFlags(fd, F_SETFL, wanted) === 0;
}

function pageOffset(bytes: Uint8Array): number {
  return Number(libc().address(bytes) % BigInt(DIRECT_ALIGNMENT));
}
