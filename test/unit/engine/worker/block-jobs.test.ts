import { createHash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import type { Decision, Finding } from '../../../../src/engine/shared/messages.ts';
import { compareBlocks } from '../../../../src/engine/worker/compare-job.ts';
import { fetchBlocks, zeroBlocks } from '../../../../src/engine/worker/fetch-job.ts';
import { readBlocks, storeBlocks } from '../../../../src/engine/worker/read-job.ts';
import { closeContext, type WorkerContext } from '../../../../src/engine/worker/worker-context.ts';
import { BackyError } from '../../../../src/errors.ts';
import type { Block } from '../../../../src/model/block.ts';
import { newSlot, openInlineContext } from '../../../support/engine/inline-pool.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';
import { KEY_A } from '../../../support/labs/encryption.ts';

const BLOCKS = 4;
/** The last block is short. */
const SIZE_BYTES = BLOCKS * BLOCK_SIZE - 100;
const SEALED = { version: 1, key: KEY_A, compressionLevel: 1 };

let lab: CoreLab;
let image: Buffer;
let open: WorkerContext[];
beforeEach(async () => {
  lab = await CoreLab.create();
  image = randomBytes(SIZE_BYTES);
  open = [];
});
afterEach(async () => {
  for (const context of open) await closeContext(context);
  await lab.dispose();
});

interface Opening {
  source?: boolean;
  target?: string;
  seals?: boolean;
  zeroMissing?: boolean;
  /** The target is the source as well. */
  compares?: boolean;
}

function contextWith({ source, target, seals, zeroMissing, compares }: Opening): WorkerContext {
  const limits = lab.context.io.file;
  const context = openInlineContext({
    ...{ blockSize: BLOCK_SIZE, sizeBytes: SIZE_BYTES, data: lab.data, zeroMissing },
    ...(source === true ? { source: { url: lab.source(image), limits } } : {}),
    ...(compares === true ? { source: { url: `file://${target}`, limits } } : {}),
    ...(target === undefined ? {} : { target: { url: `file://${target}`, limits } }),
    ...(seals === true ? { encryption: SEALED } : {}),
  });
  open.push(context);
  return context;
}

const blockOf = (id: number) => image.subarray(id * BLOCK_SIZE, (id + 1) * BLOCK_SIZE);
const sumOf = (bytes: Uint8Array) => createHash('sha512').update(bytes).digest('hex');

/** Stores the image. @returns the rows of its blocks. */
async function stored(seals = false): Promise<(Block & { uid: string })[]> {
  const context = contextWith({ source: true, seals });
  const slot = newSlot(context);
  const { digests } = await readBlocks(context, slot, { first: 0, count: BLOCKS });
  const decisions = digests.map((): Decision => ({ action: 'store' }));
  const blocks = await storeBlocks(context, slot, { first: 0, count: BLOCKS, decisions });
  return blocks.map(({ id, uid, envKey, nonce }) => ({
    ...{ id, uid, envKey, nonce, checksum: digests[id] ?? null, size: blockOf(id).length, encVersion: seals ? 1 : 0 },
  }));
}

function fetching(context: WorkerContext, blocks: readonly Block[]): Promise<Finding[]> {
  return fetchBlocks(context, newSlot(context), blocks);
}

const pathOf = ({ uid }: { uid: string }) => blobPath(lab.dataPath, uid);

describe('reading', () => {
  it('gives the checksum of each block, the short last one too, and null for zeros', async () => {
    blockOf(1).fill(0);
    const context = contextWith({ source: true });
    const { digests, bytesRead } = await readBlocks(context, newSlot(context), { first: 0, count: BLOCKS });
    expect(digests).toEqual([sumOf(blockOf(0)), null, sumOf(blockOf(2)), sumOf(blockOf(3))]);
    expect(bytesRead).toBe(SIZE_BYTES);
  });

  it.each([0, 1, 2047, BLOCK_SIZE - 1])('calls no block zero that has a bit at byte %i', async (at) => {
    blockOf(1).fill(0)[at] = 1;
    const context = contextWith({ source: true });
    const { digests } = await readBlocks(context, newSlot(context), { first: 1, count: 1 });
    expect(digests).toEqual([sumOf(blockOf(1))]);
  });

  it('does not read a hole, and reads what is a hole only in part', async () => {
    const context = contextWith({ source: true });
    const fd = openSync(join(lab.folder, 'image'), 'r+');
    ftruncateSync(fd, 0);
    ftruncateSync(fd, SIZE_BYTES);
    writeSync(fd, blockOf(2), 0, BLOCK_SIZE, 2 * BLOCK_SIZE);
    closeSync(fd);
    const slot = newSlot(context);
    expect(await readBlocks(context, slot, { first: 0, count: 2 })).toEqual({ digests: [null, null], bytesRead: 0 });
    const { digests } = await readBlocks(context, slot, { first: 1, count: 2 });
    expect(digests).toEqual([null, sumOf(blockOf(2))]);
  });

  it('rejects when the source has become too short, and says for which block', async () => {
    const context = contextWith({ source: true });
    truncateSync(join(lab.folder, 'image'), BLOCK_SIZE + 1);
    await expect(readBlocks(context, newSlot(context), { first: 0, count: 2 })).rejects.toThrow(/Reading block 1 at offset 4096/);
  });
});

describe('a slot of many blocks', () => {
  const COUNT = 100;
  const storeMany = async (options: { firstFails?: boolean } = {}) => {
    const sizeBytes = COUNT * BLOCK_SIZE;
    const context = openInlineContext({ ...{ blockSize: BLOCK_SIZE, sizeBytes, data: lab.data, encryption: SEALED } });
    open.push(context);
    const slot = { bytes: randomBytes(sizeBytes), other: undefined };
    const decisions = Array.from({ length: COUNT }, (_, id): Decision => (id % 10 === 3 ? null : { action: 'store' }));
    const puts = vi.spyOn(context.backend, 'put');
    if (options.firstFails === true) puts.mockRejectedValueOnce(new Error('no room'));
    const taken = vi.spyOn(context.codecs.writing.buffers, 'take');
    const given = vi.spyOn(context.codecs.writing.buffers, 'give');
    const storing = storeBlocks(context, slot, { first: 0, count: COUNT, decisions });
    const inUse = taken.mock.calls.length;
    return { storing, inUse, puts, taken, given };
  };

  it('stores each that is to be stored, in order, a few at once', async () => {
    const { storing, inUse } = await storeMany();
    expect((await storing).map(({ id }) => id)).toEqual(
      Array.from({ length: COUNT }, (_, id) => id).filter((id) => id % 10 !== 3),
    );
    expect(inUse).toBe(8);
  });

  it('begins no more after a failure, and waits for those that it has begun', async () => {
    const { storing, puts, taken, given } = await storeMany({ firstFails: true });
    await expect(storing).rejects.toThrow('no room');
    expect(puts.mock.calls.length).toBeLessThanOrEqual(8);
    expect(given.mock.calls.length).toBe(taken.mock.calls.length);
  });
});

describe('comparing with the target', () => {
  it('writes only blocks that differ, and those that can no longer be read', async () => {
    blockOf(3).fill(0);
    const rows = await stored();
    const zero = { id: 3, uid: null, checksum: null, size: 0, encVersion: 0, envKey: null, nonce: null };
    const all = [...rows.slice(0, 3), zero];
    const target = join(lab.folder, 'target');
    const old = Buffer.from(image);
    old.fill('old', BLOCK_SIZE, BLOCK_SIZE + 10);
    old.fill('old', 3 * BLOCK_SIZE);
    writeFileSync(target, old);
    const context = contextWith({ target, compares: true });
    const compare = (write: boolean) => compareBlocks(context, newSlot(context), { blocks: all, write });
    expect(await compare(false)).toEqual({ different: [1, 3], unreadable: [], findings: [] });
    expect(readFileSync(target).equals(old)).toBe(true);
    // A blob that is not fetched need not be there.
    for (const row of rows) if (row.id !== 1) rmSync(pathOf(row));
    expect(await compare(true)).toEqual({ different: [1, 3], unreadable: [], findings: [] });
    expect(readFileSync(target).equals(image)).toBe(true);
    truncateSync(target, BLOCK_SIZE + 5);
    const ended = (id: number) => expect.stringContaining(`Reading block ${id} at offset ${id * BLOCK_SIZE}: ${target} ended`);
    expect(await compare(true)).toMatchObject({
      different: [1, 2, 3],
      unreadable: [ended(1), ended(2), ended(3)],
      findings: [{ id: 2, problem: 'missing' }],
    });
  });

  it('fails if all of the target is refused, for example direct I/O', async () => {
    const blocks = await stored();
    const target = join(lab.folder, 'target');
    writeFileSync(target, image);
    const context = contextWith({ target, compares: true });
    vi.spyOn(context.source ?? expect.fail(), 'read').mockRejectedValue(new BackyError('refused', 'No direct I/O.'));
    await expect(compareBlocks(context, newSlot(context), { blocks, write: false })).rejects.toMatchObject({ code: 'refused' });
  });

  it('does not keep a block whose row has another length than the block', async () => {
    const rows = (await stored()).map((row) => ({ ...row, size: row.size - 1 }));
    const target = join(lab.folder, 'target');
    writeFileSync(target, image);
    const context = contextWith({ target, compares: true });
    expect(await compareBlocks(context, newSlot(context), { blocks: rows, write: false })).toMatchObject({
      different: [0, 1, 2, 3],
    });
  });
});

describe('a block that dedup has found', () => {
  const reuse = async (uid: string, seals = false) => {
    const context = contextWith({ source: true, seals });
    const slot = newSlot(context);
    await readBlocks(context, slot, { first: 0, count: 1 });
    const [block] = await storeBlocks(context, slot, { first: 0, count: 1, decisions: [{ action: 'reuse', uid }] });
    return block;
  };

  it('uses the blob that is there', async () => {
    const [row] = await stored();
    expect(await reuse(row?.uid ?? '')).toMatchObject({ uid: row?.uid, written: false });
  });

  it('is stored anew when the blob is missing', async () => {
    const rows = await stored();
    const [row] = rows;
    rmSync(pathOf(rows[0] ?? { uid: '' }));
    const block = await reuse(row?.uid ?? '');
    expect(block).toMatchObject({ written: true, rejected: 'it is missing' });
    expect(block?.uid).not.toBe(row?.uid);
    expect(readFileSync(pathOf({ uid: block?.uid ?? '' }))).toEqual(blockOf(0));
  });

  it.each([0, BLOCK_SIZE - 1, BLOCK_SIZE + 1])('is stored anew when the blob has %i bytes', async (bytes) => {
    const [row = { uid: '' }] = await stored();
    truncateSync(pathOf(row), bytes);
    expect(await reuse(row.uid)).toMatchObject({ written: true, rejected: expect.stringContaining(`${bytes} bytes`) });
  });

  it('is stored anew when an encrypted blob is cut to what no block can have', async () => {
    const [row = { uid: '' }] = await stored(true);
    truncateSync(pathOf(row), 41);
    expect(await reuse(row.uid, true)).toMatchObject({ written: true, rejected: expect.stringContaining('41 bytes') });
  });
});

describe.each([{ seals: false }, { seals: true }])('fetching, encrypted: $seals', ({ seals }) => {
  it('finds good blocks good', async () => {
    const rows = await stored(seals);
    expect(await fetching(contextWith({ seals }), rows)).toEqual([]);
  });

  it('finds what is missing, and what is longer or shorter than a blob can be', async () => {
    const rows = await stored(seals);
    const [a, b, c] = rows.map(pathOf) as [string, string, string];
    rmSync(a);
    truncateSync(b, 0);
    truncateSync(c, 10 * BLOCK_SIZE);
    const problems = (await fetching(contextWith({ seals }), rows)).map(({ id, problem }) => [id, problem]);
    expect(problems).toEqual([
      [0, 'missing'],
      [1, 'length'],
      [2, 'length'],
    ]);
  });

  it('finds a flipped bit at either end of a blob', async () => {
    const rows = await stored(seals);
    for (const [row, at] of [[rows[0], 0] as const, [rows[1], -1] as const]) {
      const bytes = readFileSync(pathOf(row ?? { uid: '' }));
      const byte = bytes.at(at) ?? 0;
      bytes[at < 0 ? bytes.length + at : at] = byte ^ 1;
      writeFileSync(pathOf(row ?? { uid: '' }), bytes);
    }
    const problem = seals ? 'undecodable' : 'checksum';
    const found = (await fetching(contextWith({ seals }), rows)).map((finding) => [finding.id, finding.problem]);
    expect(found).toEqual([
      [0, problem],
      [1, problem],
    ]);
  });

  it('finds another good blob in the place of the right one', async () => {
    const [a, b] = await stored(seals);
    if (a === undefined || b === undefined) throw new Error('nothing was stored');
    const swapped = { ...a, uid: b.uid, envKey: b.envKey, nonce: b.nonce };
    const [finding] = await fetching(contextWith({ seals }), [swapped]);
    expect(finding).toMatchObject({ id: 0, problem: 'checksum', actual: b.checksum });
  });

  it('finds a row without a checksum bad', async () => {
    const [row] = await stored(seals);
    if (row === undefined) throw new Error('nothing was stored');
    expect(await fetching(contextWith({ seals }), [{ ...row, checksum: null }])).toMatchObject([{ problem: 'checksum' }]);
  });
});

describe('writing to a target', () => {
  const target = () => join(lab.folder, 'target');

  it('writes every block where it belongs, zeros too', async () => {
    blockOf(2).fill(0);
    const rows: Block[] = await stored();
    const zero = { ...rows[2], id: 2, uid: null, checksum: null, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null };
    writeFileSync(target(), Buffer.alloc(SIZE_BYTES, 'old'));
    await fetching(contextWith({ target: target() }), [rows[3], zero, rows[0], rows[1]] as Block[]);
    expect(readFileSync(target())).toEqual(image);
  });

  it.each([
    { zeroMissing: true, left: 0 },
    { zeroMissing: false, left: 'x'.charCodeAt(0) },
  ])('leaves bytes of $left where a blob is missing, with zeroMissing: $zeroMissing', async ({ zeroMissing, left }) => {
    const rows = await stored();
    rmSync(pathOf(rows[1] ?? { uid: '' }));
    writeFileSync(target(), Buffer.alloc(SIZE_BYTES, 'x'));
    expect(await fetching(contextWith({ target: target(), zeroMissing }), rows)).toMatchObject([{ id: 1, problem: 'missing' }]);
    blockOf(1).fill(left);
    expect(readFileSync(target())).toEqual(image);
  });
});

describe('writing beside the image', () => {
  const target = () => join(lab.folder, 'target');
  const BESIDE = 3 * BLOCK_SIZE;

  it.each([-1, -127, 1.5, BLOCKS, BLOCKS + 2, Number.NaN])('is refused for block %d, and nothing is written', async (id) => {
    const [row] = await stored();
    if (row === undefined) throw new Error('nothing was stored');
    const before = Buffer.alloc(SIZE_BYTES + BESIDE, 'x');
    writeFileSync(target(), before);
    const context = contextWith({ target: target() });
    await expect(fetching(context, [{ ...row, id }])).rejects.toMatchObject({ code: 'failed' });
    await expect(zeroBlocks(context, id, 1)).rejects.toMatchObject({ code: 'failed' });
    expect(readFileSync(target())).toEqual(before);
  });

  it('does not happen to a block that is longer than its place', async () => {
    const [row] = await stored();
    if (row === undefined) throw new Error('nothing was stored');
    const before = Buffer.alloc(SIZE_BYTES + BESIDE, 'x');
    writeFileSync(target(), before);
    await fetching(contextWith({ target: target() }), [{ ...row, id: BLOCKS - 1 }]);
    expect(readFileSync(target()).subarray(SIZE_BYTES)).toEqual(before.subarray(SIZE_BYTES));
  });
});

describe('comparing with a source', () => {
  it('finds no difference, and each block that differs in its last byte', async () => {
    const rows = await stored();
    expect(await fetching(contextWith({ source: true }), rows)).toEqual([]);
    for (const id of [1, 3]) blockOf(id)[blockOf(id).length - 1] = (blockOf(id).at(-1) ?? 0) ^ 1;
    const found = await fetching(contextWith({ source: true }), rows);
    expect(found.map(({ id, problem, actual }) => [id, problem, actual])).toEqual([
      [1, 'source', sumOf(blockOf(1))],
      [3, 'source', sumOf(blockOf(3))],
    ]);
  });

  it('finds data where the version has zeros', async () => {
    const zero = { id: 0, uid: null, checksum: null, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null };
    expect(await fetching(contextWith({ source: true }), [zero])).toMatchObject([{ id: 0, problem: 'source' }]);
  });
});
