import { randomBytes } from 'node:crypto';
import { constants, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { FileTarget } from '../../../src/io/file/file-target.ts';
import { parseIoUrl } from '../../../src/io/io-url.ts';
import { shareTarget } from '../../../src/io/open-io.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';
import { targetSuite } from '../../support/conformance/target.ts';
import { cold, isInMemory, makeCold } from '../../support/images/cold-files.ts';
import { makeSandbox } from '../config/sandbox.ts';

/** Memory file systems can't zero a range in place, others can: both ways must hold. */
const FOLDERS = [tmpdir(), ...(existsSync('/dev/shm') ? ['/dev/shm'] : [])];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-target-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ...FOLDERS.map((parent) => ({ parent, directIo: 'auto' as const })),
  { parent: tmpdir(), directIo: 'on' as const },
  { parent: tmpdir(), directIo: 'off' as const },
])('the file target in $parent, direct I/O $directIo', ({ parent, directIo }) => {
  targetSuite(async () => {
    const own = mkdtempSync(join(parent, 'backy2-target-'));
    const path = join(own, 'image');
    const initial = randomBytes(3_000_123);
    writeFileSync(path, initial);
    return {
      open: () => new FileTarget(path, { directIo }),
      read: async () => readFileSync(path),
      initial,
      dispose: async () => rmSync(own, { recursive: true, force: true }),
    };
  });
});

describe('a file target', () => {
  const SIZE = 4 * 65_536;
  it.skipIf(cold.skip).each([
    ['auto', 65_536, false],
    ['auto', 65_536 - 4096, true],
    ['on', 4096, false],
    ['off', 65_536, true],
  ] as const)(`writes with direct I/O %s, of %i bytes, through memory: %s${cold.note}`, async (directIo, length, isCached) => {
    const path = join(folder, 'image');
    writeFileSync(path, Buffer.alloc(SIZE));
    makeCold(path);
    const target = new FileTarget(path, { directIo });
    const bytes = alignedBytes(length).subarray(0, length);
    bytes.set(randomBytes(length));
    await target.write(bytes, 65_536);
    expect(isInMemory(path, 65_536, length)).toBe(isCached);
    await target.flush();
    await target.close();
    expect(
      readFileSync(path)
        .subarray(65_536, 65_536 + length)
        .equals(bytes),
    ).toBe(true);
  });

  it('syncs what it wrote, on both of its descriptors', async () => {
    const path = join(folder, 'image');
    writeFileSync(path, Buffer.alloc(SIZE));
    const synced: string[] = [];
    const sync = async (fd: number) => {
      const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
      synced.push(Number.parseInt(flags, 8) & constants.O_DIRECT ? 'direct' : 'cached');
    };
    const target = new FileTarget(path, { sync });
    await target.write(alignedBytes(65_536), 0);
    await target.flush();
    await target.close();
    expect(synced).toEqual(['cached', 'direct']);
  });
});

describe('zeros in a file', () => {
  it.each(FOLDERS)('free their space, in %s', async (parent) => {
    const path = join(mkdtempSync(join(parent, 'backy2-target-')), 'image');
    try {
      writeFileSync(path, randomBytes(1024 * 1024));
      const target = new FileTarget(path);
      await Promise.all([target.writeZeros(0, 512 * 1024), target.writeZeros(512 * 1024, 512 * 1024)]);
      await target.close();
      expect(statSync(path)).toMatchObject({ size: 1024 * 1024, blocks: 0 });
    } finally {
      rmSync(dirname(path), { recursive: true });
    }
  });
});

/** Prepares a file as a target. */
async function prepare(
  url: string,
  sizeBytes: number,
  force: boolean,
  discard = false,
): Promise<{ isNew: boolean; tailBytes: number }> {
  const options = loadConfig(undefined, makeSandbox().env).io;
  const host = { signal: new AbortController().signal, onStuckThreads: () => {}, logger: { info: () => {}, warning: () => {} } };
  const target = await shareTarget(url, { sizeBytes, force, discard, fileMode: 0o600, keeps: undefined, options }, host);
  await target.close();
  return { isNew: target.isNew, tailBytes: target.tailBytes };
}

describe('a file target is prepared', () => {
  it('by making it with its size, 0 bytes too, all holes', async () => {
    for (const size of [0, 1, 10_000_000]) {
      const path = join(folder, `new-${size}`);
      expect(await prepare(`file://${path}`, size, false)).toEqual({ isNew: true, tailBytes: 0 });
      expect(statSync(path).size).toBe(size);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(path).blocks).toBe(0);
    }
  });

  it('not where the third slash is missing, with a hint', async () => {
    const hint = expect.stringContaining('An absolute path makes three slashes: file:///dev/vg0/x');
    await expect(prepare('file://dev/vg0/x', 1, false)).rejects.toMatchObject({ code: 'io', hint });
  });

  it('by taking an existing one with force, as large as it is', async () => {
    const path = join(folder, 'old');
    writeFileSync(path, 'x'.repeat(100));
    await expect(prepare(`file://${path}`, 50, false)).rejects.toThrow(expect.objectContaining({ exitCode: 1 }));
    await expect(prepare(`file://${path}`, 101, true)).rejects.toThrow('Target size is too small. Has 100b, need 101b.');
    expect(await prepare(`file://${path}`, 50, true)).toEqual({ isNew: false, tailBytes: 50 });
    expect(readFileSync(path, 'utf8')).toBe('x'.repeat(100));
  });

  it('by giving an empty one its size with force: that is what a restore leaves that died early, and there is nothing to overwrite', async () => {
    const path = join(folder, 'empty');
    writeFileSync(path, '');
    await expect(prepare(`file://${path}`, 50_000, false)).rejects.toThrow(expect.objectContaining({ exitCode: 1 }));
    expect(await prepare(`file://${path}`, 50_000, true)).toEqual({ isNew: true, tailBytes: 0 });
    expect(statSync(path).size).toBe(50_000);
  });

  it('by freeing the space of an existing one, which keeps its size and mode, and is zero', async () => {
    const path = join(folder, 'old');
    writeFileSync(path, randomBytes(1_000_000), { mode: 0o640 });
    expect(await prepare(`file://${path}`, 300_000, true, true)).toEqual({ isNew: true, tailBytes: 0 });
    expect(statSync(path)).toMatchObject({ size: 1_000_000, blocks: 0, mode: 0o100640 });
    await expect(prepare(`file://${path}`, 300_000, false, true)).rejects.toThrow('Target already exists');
  });

  it('not in a folder that is missing, nor in place of a folder', async () => {
    await expect(prepare(`file://${folder}/none/x`, 1, false)).rejects.toThrow(/Cannot open target/);
    await expect(prepare(`file://${folder}`, 1, true)).rejects.toThrow(/EISDIR/);
  });
});

describe('names of sources and targets', () => {
  it.each(['a', 'foo://x', 'file://', 'FILE://x', ''])('refuse %j with a clear error', (text) => {
    expect(() => parseIoUrl(text)).toThrow(expect.objectContaining({ name: 'BackyError', exitCode: 100 }));
  });
});
