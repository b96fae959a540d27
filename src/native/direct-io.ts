import { constants } from 'node:fs';
import { libc } from './libc.ts';

/**
 * Alignment of memory, offsets and lengths for O_DIRECT, in bytes (open(2)): a page, which is
 * enough for every block size of a disk.
 */
export const DIRECT_ALIGNMENT = 4096;

const F_GETFL = 3;
const F_SETFL = 4;

/**
 * Memory for direct I/O: its start and its length are multiples of {@link DIRECT_ALIGNMENT}.
 * `atLeast` bytes, rounded up. Zeroed by the system on first use.
 */
export function alignedBytes(atLeast: number): Uint8Array {
  return alignedPart(new ArrayBuffer(roundUp(atLeast) + DIRECT_ALIGNMENT), roundUp(atLeast));
}

/** The same as {@link alignedBytes}, shared with other threads. */
export function alignedSharedBytes(atLeast: number): Uint8Array<SharedArrayBuffer> {
  return alignedPart(new SharedArrayBuffer(roundUp(atLeast) + DIRECT_ALIGNMENT), roundUp(atLeast));
}

function alignedPart<Buffer extends ArrayBufferLike>(buffer: Buffer, length: number): Uint8Array<Buffer> {
  const start = (DIRECT_ALIGNMENT - pageOffset(new Uint8Array(buffer))) % DIRECT_ALIGNMENT;
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
