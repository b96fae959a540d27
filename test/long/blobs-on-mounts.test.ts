import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newBlobUid } from '../../src/data/blob-uid.ts';
import { blobPath } from '../../src/data/file/blob-paths.ts';
import { FileBackend } from '../../src/data/file/file-backend.ts';
import { alignedBytes } from '../../src/native/direct-io.ts';
import type { DirectIoMode } from '../../src/native/direct-io-switch.ts';
import { blobFilesSuite, filled } from '../support/conformance/blob-files.ts';
import { dataBackendSuite } from '../support/conformance/data-backend.ts';
import { countCachedPages } from '../support/images/page-cache.ts';
import { describeOnFileSystems, type OnFileSystem } from '../support/labs/file-systems.ts';
import { tool } from '../support/program/process.ts';

const MIB = 2 ** 20;
const signal = new AbortController().signal;

/** A new folder on a file system, and backends that keep their blobs in it. */
function storage(on: OnFileSystem) {
  const path = mkdtempSync(join(on.folder(), 'blobs-'));
  return {
    path,
    open: (directIo: DirectIoMode, durable = true) => new FileBackend({ type: 'file', path, durable, directIo }),
    // FUSE closes a file some time after its owner did, and renames it until then.
    dispose: async () => rmSync(path, { recursive: true, force: true, maxRetries: 10 }),
  };
}

await describeOnFileSystems((on) => {
  if (on.sectorBytes !== undefined) provesItsSectors(on);
  describe('a file for a blob', () => {
    blobFilesSuite({ folder: on.folder, way: () => (on.takesDirect() ? 'direct' : 'cached'), numRuns: 15 });
  });
  // `auto` would hide that a file system refuses.
  describe.each([isInMemory(on) ? 'auto' : 'on', 'off'] as const)('the file backend with direct_io: %s', (mode) => {
    dataBackendSuite(async () => {
      const { open, dispose } = storage(on);
      return { open: () => open(mode), dispose };
    });
  });
  if (!isInMemory(on)) showsThePageCache(on);
  if (on.fs === 'ramfs') refusesToGoDirect(on);
  else survivesAFullDisk(on);
});

/** So that the cases above are about these sectors. */
function provesItsSectors({ folder, sectorBytes }: OnFileSystem): void {
  it('takes direct writes of its own sectors, not of smaller ones', () => {
    const fd = openSync(join(folder(), 'sectors'), constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT);
    const write = (length: number) => writeSync(fd, alignedBytes(length), 0, length, 0);
    try {
      expect(write(4096)).toBe(4096);
      if (sectorBytes === 512) expect(write(512)).toBe(512);
      else expect(() => write(512)).toThrow('EINVAL');
    } finally {
      closeSync(fd);
    }
  });
}

function refusesToGoDirect(on: OnFileSystem): void {
  it('with direct_io: on, refuses to store and to read, with a hint, and leaves nothing', async () => {
    const { path, open, dispose } = storage(on);
    const [uid, refusing, obliging] = [newBlobUid(), open('on'), open('auto')];
    const refusal = { code: 'dataBackend', exitCode: 6, hint: expect.stringContaining('direct_io: auto') };
    await expect(refusing.put(uid, filled(MIB), signal)).rejects.toMatchObject(refusal);
    expect(filesIn(path)).toEqual([]);
    await obliging.put(uid, filled(MIB), signal);
    const blob = { uid, blockId: 0, plainBytes: MIB };
    await expect(refusing.get(blob, alignedBytes(MIB), signal)).rejects.toMatchObject(refusal);
    await Promise.all([refusing.close(), obliging.close()]);
    await dispose();
  });
}

/** Of these, a file is in the page cache in any case. */
function isInMemory({ fs }: OnFileSystem): boolean {
  return fs === 'tmpfs' || fs === 'ramfs';
}

/** The pages that are left in the cache show how a blob was moved. */
function showsThePageCache(on: OnFileSystem): void {
  it.each([
    ['auto', 'bypasses'],
    ['on', 'bypasses'],
    ['off', 'uses'],
  ] as const)('with direct_io: %s, %s the page cache', async (mode, _) => {
    const { path, open, dispose } = storage(on);
    const [uid, bytes] = [newBlobUid(), filled(MIB)];
    // A durable put drops its pages at the end.
    const backend = open(mode, false);
    await backend.put(uid, bytes, signal);
    const file = blobPath(path, uid);
    expect(countCachedPages(file) > 0).toBe(mode === 'off');

    // A read through the cache drops all pages that are not dirty. One that bypasses it drops none;
    // but pages also go when memory is short.
    await tool('sync', file);
    const into = alignedBytes(MIB);
    let wereKept = false;
    for (let run = 0; run < 5 && !wereKept; run++) {
      readFileSync(file);
      await backend.get({ uid, blockId: 0, plainBytes: MIB }, into, signal);
      wereKept = countCachedPages(file) > 0;
    }
    expect(wereKept).toBe(mode !== 'off');
    expect(Buffer.compare(into, bytes)).toBe(0);
    await backend.close();
    await dispose();
  });
}

function survivesAFullDisk(on: OnFileSystem): void {
  it('when it is full, a put fails as a whole, and works once a blob is deleted', async () => {
    const { path, open, dispose } = storage(on);
    const backend = open('auto');
    const stored = new Map<string, Uint8Array>();
    const put = async (uid: string, bytes: Uint8Array) => {
      await backend.put(uid, bytes, signal);
      stored.set(uid, bytes);
    };
    const { bavail, bsize } = statfsSync(path);
    const filler = join(on.folder(), 'filler');
    await tool('fallocate', '-l', String(bavail * bsize - 6 * MIB), filler);
    try {
      const failure = await expectFull(() => put(newBlobUid(), filled(MIB + 16)));
      expect(failure).toMatchObject({
        code: 'dataBackend',
        exitCode: 6,
        message: expect.stringMatching(/^Cannot store blob .* ENOSPC/),
        hint: 'Free space on the file system of the data backend.',
      });
      expect(stored.size).toBeGreaterThan(0);
      expect(filesIn(path)).toEqual([...stored.keys()].map((uid) => `${uid}.blob`).sort());
      const [first = ''] = stored.keys();
      expect(await backend.delete([first])).toEqual({ deleted: [first], failed: [] });
      stored.delete(first);
      await put(newBlobUid(), filled(MIB / 2));
      for (const [uid, bytes] of stored) expect(Buffer.compare(readFileSync(blobPath(path, uid)), bytes)).toBe(0);
    } finally {
      rmSync(filler);
      await backend.close();
      await dispose();
    }
  });
}

/** Repeats `put` until it fails. @returns the failure. */
async function expectFull(put: () => Promise<void>): Promise<unknown> {
  for (let puts = 0; puts < 20; puts++) {
    try {
      await put();
    } catch (error) {
      return error;
    }
  }
  throw new Error('the disk was never full');
}

/** Names of all files below a folder, sorted. */
function filesIn(path: string): string[] {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}
