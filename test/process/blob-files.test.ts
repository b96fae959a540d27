import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBlobUid } from '../../src/data/blob-uid.ts';
import type { BlobFiles } from '../../src/data/file/blob-files.ts';
import { durableCalls } from '../../src/data/file/durable-calls.ts';
import { FileBackend } from '../../src/data/file/file-backend.ts';
import { HandleFiles } from '../../src/data/file/handle-files.ts';
import { NativeFiles } from '../../src/data/file/native-files.ts';
import { openBlobFiles } from '../../src/data/file/open-blob-files.ts';
import { alignedBytes, isAligned, setDirect } from '../../src/native/direct-io.ts';
import { blobFilesSuite, filled, WatchedBlobs } from '../support/conformance/blob-files.ts';
import { type Change, type WatchedFiles, watchFiles } from '../support/native/watched-files.ts';

const MIB = 1024 * 1024;
let folder: string;
let watched: WatchedFiles;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-blob-files-'));
  watched = await watchFiles();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a file system that takes direct I/O', () => {
  blobFilesSuite({ folder: () => folder, way: () => 'direct', numRuns: 60 });
});

it('a blob goes through the cache if it is small, or its memory is not aligned, or the option says so', async () => {
  expect((await new WatchedBlobs(watched, 'on').write(folder, filled(4095))).calls).toEqual(['cached', 'rename']);
  expect((await new WatchedBlobs(watched, 'on').write(folder, filled(MIB, 16))).calls).toEqual(['cached', 'rename']);
  expect((await new WatchedBlobs(watched, 'off').write(folder, filled(MIB))).calls).toEqual(['cached', 'rename']);
});

it('a durable blob is synced once it is whole, and gets its name then', async () => {
  const blobs = new WatchedBlobs(watched, 'auto', true);
  expect((await blobs.write(folder, filled(MIB))).calls).toEqual(['direct', 'fsync', 'rename']);
  expect((await blobs.write(folder, filled(MIB + 16))).calls).toEqual(['direct', 'cached', 'fsync', 'rename']);
});

describe('a file system that refuses direct I/O', () => {
  const refusesDirect = true;

  it('at the first transfer is not asked again; the blob is whole', async () => {
    const blobs = new WatchedBlobs(watched, 'auto');
    expect((await blobs.write(folder, filled(MIB), { refusesDirect })).calls).toEqual(['direct', 'cached', 'rename']);
    const { path, calls } = await blobs.write(folder, filled(MIB), { refusesDirect });
    expect(calls).toEqual(['cached', 'rename']);
    expect(await blobs.read(path, { size: MIB, into: alignedBytes(MIB), change: { refusesDirect } })).toEqual(['cached']);
  });

  it('is an error if the option demands it, for each blob, which gets no name', async () => {
    const [blobs, path] = [new WatchedBlobs(watched, 'on'), join(folder, 'refused')];
    const refusal = { code: 'dataBackend', hint: expect.stringContaining('direct_io: auto') };
    mkdirSync(path);
    for (let blob = 0; blob < 2; blob++)
      await expect(blobs.write(path, filled(MIB), { refusesDirect })).rejects.toMatchObject(refusal);
    expect(readdirSync(path)).toEqual([expect.stringMatching(/[.]new$/), expect.stringMatching(/[.]new$/)]);
  });

  it('says so when a file is opened', async () => {
    const file = await open('/proc/self/status');
    expect(setDirect(file.fd, true)).toBe(false);
    await file.close();
  });
});

it('calls that a signal interrupts are repeated', async () => {
  const files = new NativeFiles(watched.library, { isDurable: true, fileMode: 0o640, directIo: 'auto' });
  const [path, bytes, into] = [join(folder, 'interrupted', 'a', 'blob'), filled(5000), alignedBytes(5000)];
  const calls = await watched.during(
    async () => {
      await files.put({ temporary: join(folder, 'interrupted.new'), path, bytes });
      await files.syncFolders([folder]);
      await files.get(path, into);
    },
    { isInterrupted: true },
  );
  expect(calls).toEqual(['direct', 'cached', 'fsync', 'rename', 'rename', 'fsync', 'direct']);
  expect(Buffer.compare(into.subarray(0, 5000), bytes)).toBe(0);
});

it.each(['here', 'pool'] as const)('a read tells whether it has waited for its bytes: %s', async (where) => {
  const [path, into] = [join(folder, 'told'), filled(MIB)];
  const told = async (change: Change) => {
    // A read drops its file from the cache.
    writeFileSync(path, filled(MIB));
    let outcome: unknown;
    await watched.during(async () => {
      outcome = await watched.library.get({ path, into, direct: 'off', where });
    }, change);
    return outcome;
  };
  expect(await told({})).toMatchObject({ size: MIB, hasWaited: false });
  expect(await told({ waits: true })).toMatchObject({ size: MIB, hasWaited: true });
});

describe('errors that Node has no name for', () => {
  const signal = new AbortController().signal;
  const newBackend = () => {
    const options = { type: 'file', path: join(folder, 'store'), durable: true } as const;
    return new FileBackend(options, openBlobFiles(options, watched.library));
  };

  it('a full quota gets the hint of a full disk', async () => {
    const backend = newBackend();
    const put = () => backend.put(newBlobUid(), filled(5000), signal);
    await expect(watched.during(put, { failsWith: 'EDQUOT' })).rejects.toMatchObject({
      message: expect.stringContaining('EDQUOT'),
      hint: 'Free space on the file system of the data backend.',
    });
    await backend.close();
  });

  it.each(['EUCLEAN', 'EBADMSG'])('%s, which stands for damaged metadata, is about one blob', async (failsWith) => {
    const [backend, blob] = [newBackend(), { uid: newBlobUid(), blockId: 0, plainBytes: 5000 }];
    await backend.put(blob.uid, filled(5000), signal);
    await expect(watched.during(() => backend.get(blob, alignedBytes(5000), signal), { failsWith })).rejects.toMatchObject({
      code: 'blobUnreadable',
      message: expect.stringContaining(failsWith),
    });
    await backend.close();
  });
});

const OPTIONS = { isDurable: true, fileMode: 0o640 };
describe.each<[string, () => BlobFiles]>([
  ['the library', () => openBlobFiles({ type: 'file', path: folder, durable: true, fileMode: OPTIONS.fileMode })],
  ["Node's calls, without a compiler", () => new HandleFiles(OPTIONS, durableCalls)],
])('by %s', (way, newFiles) => {
  const at = (name: string) => join(folder, `${way.length}-${name}`);

  it('a blob gets its mode, and so do the folders that it needs', async () => {
    const umask = process.umask(0o077);
    try {
      await newFiles().put({ temporary: at('new'), path: join(at('a'), 'b', 'blob'), bytes: filled(5000) });
    } finally {
      process.umask(umask);
    }
    const modes = [join(at('a'), 'b', 'blob'), join(at('a'), 'b'), at('a')].map((path) =>
      (statSync(path).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(['640', '750', '750']);
  });

  it('a temporary name that exists, and a folder that is none, fail as in the system', async () => {
    writeFileSync(at('there'), 'kept');
    const bytes = filled(100);
    await expect(newFiles().put({ temporary: at('there'), path: at('x'), bytes })).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(at('there'), 'utf8')).toBe('kept');
    const below = join(at('there'), 'b', 'blob');
    await expect(newFiles().put({ temporary: at('t'), path: below, bytes })).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(newFiles().syncFolders([folder, at('none')])).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('reads what fits, and tells the size of the whole', async () => {
    const bytes = filled(10_000);
    writeFileSync(at('ten'), bytes);
    for (const room of [1, 4096, 9999, 10_000, 12_288, 20_480]) {
      const into = alignedBytes(room).subarray(0, room);
      expect(await newFiles().get(at('ten'), into)).toBe(10_000);
      expect(Buffer.compare(into.subarray(0, 10_000), bytes.subarray(0, room))).toBe(0);
    }
  });

  it('lists subfolders with names of two letters, and symlinks to such folders', async () => {
    const [above, elsewhere] = [at('list'), at('elsewhere')];
    for (const path of ['ab', 'ac/cd', 'xy', 'xyz', 'a'].map((name) => join(above, name)).concat(elsewhere))
      mkdirSync(path, { recursive: true });
    for (const name of ['ab/one', 'ab/.two', 'ac/three', 'ac/cd/no', 'xyz/no', 'a/no', 'no', 'zz'])
      writeFileSync(join(above, name), '');
    writeFileSync(join(elsewhere, 'four'), '');
    symlinkSync(elsewhere, join(above, 'ad'));
    const list = async (prefix: string) => (await newFiles().list(above, prefix)).sort();
    expect(await list('')).toEqual(['ab/.two', 'ab/one', 'ac/cd', 'ac/three', 'ad/four']);
    expect(await list('a')).toEqual(await list(''));
    expect(await list('ad')).toEqual(['ad/four']);
    expect(await list('xy')).toEqual([]);
    expect(await list('q')).toEqual([]);
    expect(await newFiles().list(at('none'), '')).toEqual([]);
    expect(await newFiles().list(join(above, 'no'), '')).toEqual([]);
    symlinkSync(join(above, 'no'), join(above, 'ae'));
    await expect(list('')).rejects.toMatchObject({ code: 'ENOTDIR' });
    rmSync(join(above, 'ae'));
    symlinkSync(at('none'), join(above, 'ae'));
    await expect(list('')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('lists more files than fit into the first buffer', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `${i % 2}0/${'x'.repeat(190)}${i}`);
    for (const name of ['00', '10']) mkdirSync(join(at('many'), name), { recursive: true });
    for (const name of names) writeFileSync(join(at('many'), name), '');
    expect((await newFiles().list(at('many'), '')).sort()).toEqual(names.sort());
  });

  it('a folder or a device under the name of a blob is a blob that cannot be read', async () => {
    for (const path of [folder, '/dev/null'])
      await expect(newFiles().get(path, alignedBytes(4096))).rejects.toMatchObject({
        code: 'blobUnreadable',
        message: expect.stringContaining('it is no regular file'),
      });
    await expect(newFiles().get(at('none'), alignedBytes(4096))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('without the library', () => {
  const options = { type: 'file', path: '/', durable: true } as const;

  it("blobs are moved by Node's calls", () => {
    expect(openBlobFiles(options, null)).toBeInstanceOf(HandleFiles);
  });

  it('direct I/O can not be demanded', () => {
    expect(() => openBlobFiles({ ...options, directIo: 'on' }, null)).toThrow('needs whole-files.so');
  });
});

it('memory for direct I/O starts at a page and has whole pages', () => {
  for (const length of [1, 4096, 4097, 100_000]) {
    const bytes = alignedBytes(length);
    expect(isAligned(bytes)).toBe(true);
    expect(bytes.length).toBe(Math.ceil(length / 4096) * 4096);
  }
});
