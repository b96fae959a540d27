import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobIo } from '../../../src/data/file/blob-io.ts';
import { alignedBytes, isAligned, setDirect } from '../../../src/native/direct-io.ts';
import { blobIoSuite, type Call, filled, watched, writeBlob } from '../../support/conformance/blob-io.ts';

const MIB = 1024 * 1024;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-blob-io-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusal = () => {
  throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
};

describe('a file system that takes direct I/O', () => {
  blobIoSuite({ folder: () => folder, way: () => 'direct', numRuns: 60 });
});

it('a blob goes through the cache if it is small, or its memory is not aligned, or the option says so', async () => {
  expect((await writeBlob(new BlobIo('on'), folder, filled(4095))).calls).toEqual(['cached']);
  expect((await writeBlob(new BlobIo('on'), folder, filled(MIB, 16))).calls).toEqual(['cached']);
  expect((await writeBlob(new BlobIo('off'), folder, filled(MIB))).calls).toEqual(['cached']);
});

describe('a file system that refuses direct I/O', () => {
  it('at the first transfer is not asked again; the blob is whole', async () => {
    const io = new BlobIo('auto');
    const change = (call: Call, length: number) => (call === 'direct' ? refusal() : length);
    expect((await writeBlob(io, folder, filled(MIB), change)).calls).toEqual(['direct', 'cached']);
    expect((await writeBlob(io, folder, filled(MIB), change)).calls).toEqual(['cached']);
  });

  it('is an error if the option demands it, for each blob', async () => {
    const file = await watched(join(folder, 'refused'), refusal);
    const io = new BlobIo('on');
    for (let blob = 0; blob < 2; blob++) {
      await expect(io.write(file.handle, filled(MIB))).rejects.toMatchObject({
        code: 'dataBackend',
        hint: expect.stringContaining('direct_io: auto'),
      });
    }
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
