import { randomBytes } from 'node:crypto';
import { constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobIo } from '../../../src/data/file/blob-io.ts';
import { alignedBytes, isAligned, setDirect } from '../../../src/native/direct-io.ts';

const MIB = 1024 * 1024;
let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-blob-io-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether each call on a file went around the page cache, from the kernel's own flags. */
type Call = 'direct' | 'cached';

/** A new file's handle that records its calls. `change` may fail a call, or make it shorter. */
async function watched(path: string, change: (call: Call, length: number) => number = (_, length) => length) {
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

/** Random bytes in memory that starts at a page, plus `shift`. */
function filled(length: number, shift = 0): Uint8Array {
  const bytes = alignedBytes(length + shift).subarray(shift, shift + length);
  bytes.set(randomBytes(length));
  return bytes;
}

async function written(io: BlobIo, bytes: Uint8Array, change?: Parameters<typeof watched>[1]) {
  const path = join(folder, String(count++));
  const file = await watched(path, change);
  try {
    await io.write(file.handle, bytes);
  } finally {
    await file.close();
  }
  expect(readFileSync(path).equals(bytes)).toBe(true);
  return { path, calls: file.calls };
}

const refusal = () => {
  throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
};

describe('a blob', () => {
  it('of whole pages is written and read around the page cache', async () => {
    const io = new BlobIo('auto');
    const bytes = filled(MIB);
    const { path, calls } = await written(io, bytes);
    expect(calls).toEqual(['direct']);
    const file = await watched(path);
    const into = alignedBytes(MIB);
    await io.read(file.handle, MIB, into);
    await file.close();
    expect(file.calls).toEqual(['direct']);
    expect(Buffer.compare(into, bytes)).toBe(0);
  });

  it('of any length, from and into any memory, by short calls too, stays the same', async () => {
    const shift = fc.constantFrom(0, 0, 16, 512);
    const length = fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.constantFrom(65_536, 131_072, 65_537, 69_631));
    const cut = fc.constantFrom(1, 2, 3);
    const room = fc.constantFrom(-4096, -1, 0, 1, 4096);
    await fc.assert(
      fc.asyncProperty(length, shift, shift, cut, room, async (size, from, to, divisor, more) => {
        const io = new BlobIo('auto');
        const bytes = filled(size, from);
        const shorter = (_: Call, wanted: number) => Math.max(1, Math.floor(wanted / divisor));
        // A length that is no multiple of 512 fails with EINVAL: then the file goes on in the
        // cache.
        const { path } = await written(io, bytes, shorter);
        const into = filled(Math.max(1, size + more), to);
        const file = await watched(path, shorter);
        await new BlobIo('auto').read(file.handle, size, into);
        await file.close();
        const both = Math.min(size, into.length);
        expect(Buffer.compare(into.subarray(0, both), bytes.subarray(0, both))).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('that does not end with a page: only its end goes through the cache', async () => {
    expect((await written(new BlobIo('auto'), filled(MIB + 1))).calls).toEqual(['direct', 'cached']);
  });

  it('goes through the cache if it is small, or its memory is not aligned, or the option says so', async () => {
    expect((await written(new BlobIo('on'), filled(4095))).calls).toEqual(['cached']);
    expect((await written(new BlobIo('on'), filled(MIB, 16))).calls).toEqual(['cached']);
    expect((await written(new BlobIo('off'), filled(MIB))).calls).toEqual(['cached']);
  });
});

describe('a file system that refuses direct I/O', () => {
  it('at the first transfer is not asked again; the blob is whole', async () => {
    const io = new BlobIo('auto');
    const change = (call: Call, length: number) => (call === 'direct' ? refusal() : length);
    expect((await written(io, filled(MIB), change)).calls).toEqual(['direct', 'cached']);
    expect((await written(io, filled(MIB), change)).calls).toEqual(['cached']);
  });

  it('is an error if the option demands it', async () => {
    const file = await watched(join(folder, 'refused'), refusal);
    await expect(new BlobIo('on').write(file.handle, filled(MIB))).rejects.toMatchObject({
      code: 'dataBackend',
      hint: expect.stringContaining('direct_io: auto'),
    });
    await file.close();
  });

  it('says so when a file is opened', async () => {
    const file = await open('/proc/self/status');
    expect(setDirect(file.fd, true)).toBe(false);
    await file.close();
  });
});

it('memory for direct I/O starts at a page and has whole pages', () => {
  for (const length of [1, 4096, 4097, 100_000]) {
    const bytes = alignedBytes(length);
    expect(isAligned(bytes)).toBe(true);
    expect(bytes.length).toBe(Math.ceil(length / 4096) * 4096);
  }
});
