import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { NativeFiles } from '../../../src/data/file/native-files.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';
import type { DirectIoMode } from '../../../src/native/direct-io-switch.ts';
import { type Call, type Change, type WatchedFiles, watchFiles } from '../native/watched-files.ts';

/** Where the suite works, and what it may expect there. */
interface BlobFilesFixture {
  /** An existing folder. Asked when the cases run. */
  folder(): string;
  /** How whole pages are moved there. */
  way(): 'direct' | 'cached';
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

/** Files of blobs whose reads and writes are noted. */
export class WatchedBlobs {
  readonly #watched: WatchedFiles;
  readonly #files: NativeFiles;

  constructor(watched: WatchedFiles, directIo: DirectIoMode, isDurable = false) {
    this.#watched = watched;
    this.#files = new NativeFiles(watched.library, { isDurable, fileMode: 0o600, directIo });
  }

  /** Writes a new file in `folder` and compares its bytes. @returns its path, and the calls. */
  async write(folder: string, bytes: Uint8Array, change?: Change): Promise<{ path: string; calls: Call[] }> {
    const path = join(folder, `blob-${count++}`);
    const calls = await this.#watched.during(() => this.#files.put({ temporary: `${path}.new`, path, bytes }), change);
    expect(Buffer.compare(readFileSync(path), bytes), `content of ${path}`).toBe(0);
    return { path, calls };
  }

  /** Reads a file of `size` bytes. @returns the calls. */
  read(path: string, { size, into, change }: { size: number; into: Uint8Array; change?: Change }): Promise<Call[]> {
    return this.#watched.during(async () => expect(await this.#files.get(path, into)).toBe(size), change);
  }
}

/** Every file system for blobs MUST pass this suite, whether it takes direct I/O or not. */
export function blobFilesSuite({ folder, way, numRuns }: BlobFilesFixture): void {
  let watched: WatchedFiles;
  beforeAll(async () => {
    watched = await watchFiles();
  });
  const blobs = () => new WatchedBlobs(watched, 'auto');

  it.each(LENGTHS)('moves %i bytes: whole pages one way, the rest through the cache', async (size) => {
    const bytes = filled(size);
    const [pages, rest] = [size >= 4096 ? [way()] : [], size % 4096 === 0 || way() === 'cached' ? [] : ['cached']];
    const expected = size < 4096 ? ['cached'] : [...pages, ...rest];
    const { path, calls } = await blobs().write(folder(), bytes);
    expect(calls).toEqual([...expected, 'rename']);
    const into = alignedBytes(size);
    // The last page may be read beyond the end of the file.
    expect(await blobs().read(path, { size, into })).toEqual(size < 4096 ? ['cached'] : pages);
    expect(Buffer.compare(into.subarray(0, size), bytes)).toBe(0);
    rmSync(path);
  });

  it('moves the rest in the same way after a short call of whole pages', async () => {
    const bytes = filled(MIB);
    const change = { atMost: 300 * 1024 };
    const { path, calls } = await blobs().write(folder(), bytes, change);
    expect(calls).toEqual([way(), way(), way(), way(), 'rename']);
    const into = alignedBytes(MIB);
    expect(await blobs().read(path, { size: MIB, into, change })).toEqual(calls.slice(0, -1));
    expect(Buffer.compare(into, bytes)).toBe(0);
  });

  it('moves the rest through the cache after a short call that ends within a page', async () => {
    const bytes = filled(65_536);
    // With sectors of 4096 bytes, the first call is refused.
    const change = { atMost: 4096 + 512 };
    const { path, calls } = await blobs().write(folder(), bytes, change);
    expect([...new Set(calls)]).toEqual(way() === 'direct' ? ['direct', 'cached', 'rename'] : ['cached', 'rename']);
    expect(calls.filter((call) => call === 'direct').length).toBeLessThanOrEqual(1);
    const into = alignedBytes(bytes.length);
    expect(await blobs().read(path, { size: bytes.length, into, change })).toEqual(calls.slice(0, -1));
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
        const { path } = await blobs().write(folder(), bytes, { divisor });
        const into = filled(Math.max(1, size + more), to);
        await blobs().read(path, { size, into, change: { divisor } });
        const both = Math.min(size, into.length);
        expect(Buffer.compare(into.subarray(0, both), bytes.subarray(0, both))).toBe(0);
      }),
      { numRuns },
    );
  });
}
