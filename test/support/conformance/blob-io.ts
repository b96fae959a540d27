import { randomBytes } from 'node:crypto';
import { constants, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlobIo } from '../../../src/data/file/blob-io.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';

/** Whether a call on a file went around the page cache, from the kernel's own flags. */
export type Call = 'direct' | 'cached';

/** Gets each call before it is made. May fail it, or return a shorter length for it. */
export type Change = (call: Call, length: number) => number;

/** Where the suite works, and what it may expect there. */
interface BlobIoFixture {
  /** An existing folder. Asked when the cases run. */
  folder(): string;
  /** How whole pages are moved there. */
  way(): Call;
  /** Runs of the property. */
  numRuns: number;
}

const MIB = 1024 * 1024;
/** Around sectors, pages and the lengths of sealed blocks, up to the largest block. */
const LENGTHS = [1, 511, 512, 513, 4095, 4096, 4097, 65_536, 65_552, 131_072 - 1, 4 * MIB + 28, 64 * MIB + 16];

let count = 0;

/** Random bytes in memory that starts at a page, plus `shift`. */
export function filled(length: number, shift = 0): Uint8Array {
  const bytes = alignedBytes(length + shift).subarray(shift, shift + length);
  // Random numbers are slow. A period of an odd length shows bytes that moved by whole pages.
  const period = randomBytes(Math.min(length, 65_537));
  for (let at = 0; at < length; at += period.length) bytes.set(period.subarray(0, length - at), at);
  return bytes;
}

/** A file's handle that records the calls of reads and writes. Makes the file if it is missing. */
export async function watched(path: string, change: Change = (_, length) => length) {
  const handle = await open(path, 'r+').catch(() => open(path, 'wx+'));
  const calls: Call[] = [];
  const begin = (length: number) => {
    const flags = Number.parseInt(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8'))?.[1] ?? '', 8);
    calls.push(flags & constants.O_DIRECT ? 'direct' : 'cached');
    return change(calls.at(-1) ?? 'cached', length);
  };
  const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
  const read = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
  const spy = Object.assign(Object.create(handle) as FileHandle, {
    write: async (bytes: Uint8Array, at: number, length: number, offset: number) => write(bytes, at, begin(length), offset),
    read: async (bytes: Uint8Array, at: number, length: number, offset: number) => read(bytes, at, begin(length), offset),
  });
  Object.defineProperty(spy, 'fd', { value: handle.fd });
  return { handle: spy, calls, close: () => handle.close() };
}

/**
 * Writes a new file in `folder` and compares its bytes. @returns its path, and how it was written.
 */
export async function writeBlob(io: BlobIo, folder: string, bytes: Uint8Array, change?: Change) {
  const path = join(folder, `blob-${count++}`);
  const file = await watched(path, change);
  try {
    await io.write(file.handle, bytes);
  } finally {
    await file.close();
  }
  expect(Buffer.compare(readFileSync(path), bytes), `content of ${path}`).toBe(0);
  return { path, calls: file.calls };
}

/** Reads a file of `size` bytes. @returns how it was read. */
async function readBlob(io: BlobIo, path: string, { size, into, change }: { size: number; into: Uint8Array; change?: Change }) {
  const file = await watched(path, change);
  try {
    await io.read(file.handle, size, into);
  } finally {
    await file.close();
  }
  return file.calls;
}

/** Every file system for blobs MUST pass this suite, whether it takes direct I/O or not. */
export function blobIoSuite({ folder, way, numRuns }: BlobIoFixture): void {
  it.each(LENGTHS)('moves %i bytes: whole pages one way, the rest through the cache', async (size) => {
    const bytes = filled(size);
    const [pages, rest] = [size >= 4096 ? [way()] : [], size % 4096 === 0 || way() === 'cached' ? [] : ['cached']];
    const expected = size < 4096 ? ['cached'] : [...pages, ...rest];
    const { path, calls } = await writeBlob(new BlobIo('auto'), folder(), bytes);
    expect(calls).toEqual(expected);
    const into = alignedBytes(size);
    // The last page may be read beyond the end of the file.
    expect(await readBlob(new BlobIo('auto'), path, { size, into })).toEqual(size < 4096 ? ['cached'] : pages);
    expect(Buffer.compare(into.subarray(0, size), bytes)).toBe(0);
    rmSync(path);
  });

  it('moves the rest in the same way after a short call of whole pages', async () => {
    const bytes = filled(MIB);
    const change: Change = (_, length) => Math.min(length, 300 * 1024);
    const { path, calls } = await writeBlob(new BlobIo('auto'), folder(), bytes, change);
    expect(calls).toEqual([way(), way(), way(), way()]);
    const into = alignedBytes(MIB);
    expect(await readBlob(new BlobIo('auto'), path, { size: MIB, into, change })).toEqual(calls);
    expect(Buffer.compare(into, bytes)).toBe(0);
  });

  it('moves the rest through the cache after a call that ends within a page', async () => {
    const bytes = filled(MIB);
    // With sectors of 4096 bytes, the first one is refused.
    const change: Change = (call, length) => (call === 'direct' ? 4096 + 512 : length);
    const { path, calls } = await writeBlob(new BlobIo('auto'), folder(), bytes, change);
    expect(calls).toEqual(way() === 'direct' ? ['direct', 'cached'] : ['cached']);
    const into = alignedBytes(MIB);
    expect(await readBlob(new BlobIo('auto'), path, { size: MIB, into, change })).toEqual(calls);
    expect(Buffer.compare(into, bytes)).toBe(0);
  });

  it('keeps blobs of any length, from and into any memory, by short calls too', async () => {
    const shift = fc.constantFrom(0, 0, 16, 512);
    const length = fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.constantFrom(65_536, 131_072, 65_537, 69_631));
    const cut = fc.constantFrom(1, 2, 3);
    const room = fc.constantFrom(-4096, -1, 0, 1, 4096);
    await fc.assert(
      fc.asyncProperty(length, shift, shift, cut, room, async (size, from, to, divisor, more) => {
        const bytes = filled(size, from);
        // A length that is no multiple of a sector fails with EINVAL: then the file goes on in the
        // cache.
        const change: Change = (_, wanted) => Math.max(1, Math.floor(wanted / divisor));
        const { path } = await writeBlob(new BlobIo('auto'), folder(), bytes, change);
        const into = filled(Math.max(1, size + more), to);
        await readBlob(new BlobIo('auto'), path, { size, into, change });
        const both = Math.min(size, into.length);
        expect(Buffer.compare(into.subarray(0, both), bytes.subarray(0, both))).toBe(0);
      }),
      { numRuns },
    );
  });
}
