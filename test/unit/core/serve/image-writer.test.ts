import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockCache } from '../../../../src/core/serve/block-cache.ts';
import { ImageWriter } from '../../../../src/core/serve/image-writer.ts';
import { BackyError } from '../../../../src/errors.ts';
import { blockLength } from '../../../../src/model/geometry.ts';

const BLOCK = 4096;
const SPARSE = 1;
const BAD = 2;
const LAST = 3;
/** Blocks 0, 1 (sparse), 2 (bad) and 3, which is shorter. */
const GEOMETRY = { blockSize: BLOCK, sizeBytes: 3 * BLOCK + 100 };

let folder: string;
let writer: ImageWriter;
let cache: BlockCache;
let failedIds: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-writer-'));
  cache = new BlockCache(4, BLOCK);
  failedIds = [];
  const blocks = { cache, fetch, isSparse: async (id: number) => id === SPARSE };
  writer = new ImageWriter({ geometry: GEOMETRY, blocks, cacheDir: folder, onFailure: (id) => failedIds.push(id) });
});
afterEach(() => {
  writer.close();
  rmSync(folder, { recursive: true });
});

/** Blocks of the version hold their id + 1 in each byte. */
async function fetch(id: number) {
  if (id === BAD) throw new BackyError('blocksBad', `Block ${id} is bad.`);
  if (id === SPARSE) return undefined;
  const block = cache.find(id) ?? cache.add(id);
  if (block === undefined) throw new Error('no room');
  cache.bytes(block, 0, BLOCK).fill(id + 1);
  cache.loaded(block);
  cache.pin(block);
  return block;
}

async function contentOf(id: number): Promise<Buffer> {
  const bytes = Buffer.alloc(blockLength(GEOMETRY, id));
  await writer.overlay?.read(bytes, id * BLOCK);
  return bytes;
}

const filled = (length: number, value: number) => Buffer.alloc(length, value);

describe('a write', () => {
  it('to part of a block copies the rest of it', async () => {
    await writer.write(10, filled(20, 9));
    expect(await contentOf(0)).toEqual(Buffer.concat([filled(10, 1), filled(20, 9), filled(BLOCK - 30, 1)]));
  });

  it('to part of a sparse block leaves zeros around it', async () => {
    await writer.write(SPARSE * BLOCK, filled(20, 9));
    expect(await contentOf(SPARSE)).toEqual(Buffer.concat([filled(20, 9), filled(BLOCK - 20, 0)]));
  });

  it('changes each block that it touches, and no other', async () => {
    await writer.write(BLOCK - 1, filled(BLOCK + 1, 9));
    expect([0, SPARSE, BAD, LAST].map((id) => writer.hasBlock(id))).toEqual([true, true, false, false]);
  });

  it('to the shorter last block covers it as a whole', async () => {
    await writer.write(LAST * BLOCK, filled(100, 9));
    expect(await contentOf(LAST)).toEqual(filled(100, 9));
    expect(cache.find(LAST)).toBeUndefined();
  });

  it('waits for earlier writes to the same block', async () => {
    await Promise.all([writer.write(0, filled(1, 7)), writer.write(1, filled(1, 8)), writer.write(0, filled(1, 9))]);
    expect((await contentOf(0)).subarray(0, 3)).toEqual(Buffer.from([9, 8, 1]));
  });

  it('releases the block that it copied', async () => {
    await writer.write(10, filled(20, 9));
    expect(cache.find(0)?.pins).toBe(0);
  });
});

describe('a bad block', () => {
  it('refuses a partial write, and accepts a write of the whole block, which mends it', async () => {
    await expect(writer.write(BAD * BLOCK + 1, filled(5, 9))).rejects.toMatchObject({ code: 'blocksBad' });
    expect([failedIds, writer.hasBlock(BAD)]).toEqual([[BAD], false]);
    expect(writer.failure).toMatchObject({ code: 'blocksBad' });
    await writer.write(BAD * BLOCK, filled(BLOCK, 9));
    expect(writer.failure).toBeUndefined();
    expect(await contentOf(BAD)).toEqual(filled(BLOCK, 9));
  });

  it('does not stop a later write to the same block', async () => {
    const [partial, whole] = await Promise.allSettled([
      writer.write(BAD * BLOCK + 1, filled(5, 9)),
      writer.write(BAD * BLOCK, filled(BLOCK, 8)),
    ]);
    expect([partial?.status, whole?.status]).toEqual(['rejected', 'fulfilled']);
  });
});

it('a failure that is no bad block stays, whatever is written afterwards', async () => {
  const broken = new ImageWriter({
    geometry: GEOMETRY,
    blocks: { cache, fetch: () => Promise.reject(new BackyError('io', 'unplugged')), isSparse: async () => false },
    cacheDir: folder,
    onFailure: () => {},
  });
  await expect(broken.write(1, filled(5, 9))).rejects.toThrow('unplugged');
  await broken.write(0, filled(BLOCK, 9));
  expect(broken.failure?.message).toBe('unplugged');
  broken.close();
});

describe('zeros', () => {
  it('are not written where the version is sparse', async () => {
    await writer.writeZeros(SPARSE * BLOCK + 5, 20);
    expect(writer.overlay).toBeUndefined();
  });

  it('are written over bytes that were written to a sparse block', async () => {
    await writer.write(SPARSE * BLOCK, filled(20, 9));
    await writer.writeZeros(SPARSE * BLOCK, 20);
    expect(await contentOf(SPARSE)).toEqual(filled(BLOCK, 0));
  });

  it('are written to part of a block', async () => {
    await writer.writeZeros(10, 20);
    expect(await contentOf(0)).toEqual(Buffer.concat([filled(10, 1), filled(20, 0), filled(BLOCK - 30, 1)]));
  });
});

describe('a trim', () => {
  it('zeroes whole blocks and leaves parts of blocks that were not written', async () => {
    await writer.trim(10, 4 * BLOCK - 10 - (BLOCK - 100));
    expect([0, SPARSE, BAD, LAST].map((id) => writer.hasBlock(id))).toEqual([false, false, true, true]);
  });

  it('zeroes parts of blocks that were written', async () => {
    await writer.write(0, filled(BLOCK, 9));
    await writer.trim(10, 20);
    expect(await contentOf(0)).toEqual(Buffer.concat([filled(10, 9), filled(20, 0), filled(BLOCK - 30, 9)]));
  });
});
