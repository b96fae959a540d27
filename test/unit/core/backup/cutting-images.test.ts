import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataPhase } from '../../../../src/core/backup/data-phase.ts';
import { CheckLog } from '../../../../src/core/blocks/check-log.ts';
import { planBackup } from '../../../../src/core/plan/backup-plan.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import type { BlockRow } from '../../../../src/model/block.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { InlinePool } from '../../../support/engine/inline-pool.ts';
import { noise } from '../../../support/images/random.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';

const MIB = 1024 * 1024;
const LIMITS = { simultaneousReads: 4, simultaneousWrites: 4 };

let lab: CoreLab;
let folder: string;
let meta: MetaStore;
beforeEach(async () => {
  lab = await CoreLab.create();
  ({ folder, meta } = lab);
  mkdirSync(join(folder, 'blobs'));
});
afterEach(() => lab.dispose());

/** A pool for blobs in the folder and these two files of it. */
function poolOf(geometry: { blockSize: number; sizeBytes: number }, files: { source?: string; target?: string }): InlinePool {
  const ioSpec = (name: string | undefined) =>
    name === undefined ? undefined : { url: `file://${join(folder, name)}`, limits: LIMITS };
  return new InlinePool({
    ...geometry,
    wholeJobs: true,
    data: {
      ...LIMITS,
      bandwidthRead: 0,
      bandwidthWrite: 0,
      backend: { type: 'file', path: join(folder, 'blobs'), durable: false },
    },
    source: ioSpec(files.source),
    target: ioSpec(files.target),
  });
}

/** Backs bytes up. @returns the rows, in the order of the blocks. */
async function backUp(bytes: Uint8Array, blockSize: number, { deduplication = true } = {}): Promise<BlockRow[]> {
  const geometry = { blockSize, sizeBytes: bytes.length };
  const size = Math.ceil(bytes.length / blockSize);
  writeFileSync(join(folder, 'source'), bytes);
  await meta.createVersion({ uid: 'v', name: 'vm', snapshotName: '', size, sizeBytes: bytes.length, expire: null, tags: [] });
  const pool = poolOf(geometry, { source: 'source' });
  const phase = new DataPhase({
    ...{ pool, meta, logger: silentLogger, versionUid: 'v', geometry, encVersion: 0, deduplication },
    read: planBackup({ ...geometry, hints: undefined, baseSizeBytes: undefined }).read,
    counters: NO_COUNTS,
    elapsedSeconds: () => 0,
    onBlocks: () => {},
    checks: new CheckLog(lab.context),
    guard: lab.guard(),
    confirmStore: async () => {},
  });
  await phase.run(new AbortController().signal);
  await pool.close();
  const rows = await meta.blocksById(
    'v',
    Array.from({ length: size }, (_, id) => id),
  );
  return rows.sort((a, b) => a.id - b.id);
}

/** The bytes that rows restore to, over old ones. */
async function restored(rows: readonly BlockRow[], blockSize: number, sizeBytes: number): Promise<Buffer> {
  writeFileSync(join(folder, 'target'), Buffer.alloc(sizeBytes, 'old'));
  const pool = poolOf({ blockSize, sizeBytes }, { target: 'target' });
  expect(await pool.fetch(rows)).toEqual([]);
  await pool.flush();
  await pool.close();
  return readFileSync(join(folder, 'target'));
}

function blobCount(): number {
  const entries = readdirSync(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

describe.each([4096, 65536, 4 * MIB])('with blocks of %i bytes', (blockSize) => {
  test.each([
    ['0 bytes', 0],
    ['1 byte', 1],
    ['a block less a byte', blockSize - 1],
    ['a block', blockSize],
    ['a block and a byte', blockSize + 1],
    // A job of small blocks has 1 MiB.
    ['several jobs and 123 bytes', MIB + 2 * blockSize + 123],
  ])('an image of %s is cut into whole blocks and the rest, and comes back as it was', async (name, length) => {
    const image = noise(length, name);
    const rows = await backUp(image, blockSize);
    const rest = length % blockSize;
    const sizes = [...new Array<number>(Math.floor(length / blockSize)).fill(blockSize), ...(rest === 0 ? [] : [rest])];
    expect(rows.map(({ id, size }) => [id, size])).toEqual(sizes.map((size, id) => [id, size]));
    expect(blobCount()).toBe(sizes.length);
    expect((await restored(rows, blockSize, length)).equals(image)).toBe(true);
  });
});

describe('a blob is stored', () => {
  test('for no block of zeros, the short last one included', async () => {
    const image = Buffer.concat([Buffer.alloc(2 * 4096), noise(4096, 'data'), Buffer.alloc(4096 + 1)]);
    const rows = await backUp(image, 4096);
    expect(rows.map(({ uid, checksum }) => uid === null && checksum === null)).toEqual([true, true, false, true, true]);
    expect(blobCount()).toBe(1);
    expect((await restored(rows, 4096, image.length)).equals(image)).toBe(true);
  });

  test('for a block with a single byte that is not zero, wherever it is', async () => {
    const image = Buffer.alloc(3 * 4096);
    for (const offset of [0, 4096 + 2000, 3 * 4096 - 1]) image[offset] = 1;
    await backUp(image, 4096);
    expect(blobCount()).toBe(3);
  });

  test.each([
    ['small blocks of one job', 4096, 250],
    ['small blocks of several jobs', 4096, 1000],
    ['big blocks, each a job', MIB, 40],
  ])('once each for two contents that repeat, while they are in flight and after that: %s', async (_, blockSize, count) => {
    const two = [noise(blockSize, 'one'), noise(blockSize, 'two')];
    const image = Buffer.concat(Array.from({ length: count }, (_, id) => two[id % 2] ?? Buffer.alloc(0)));
    const rows = await backUp(image, blockSize);
    expect(blobCount()).toBe(2);
    expect(rows.map(({ uid }) => uid)).toEqual(rows.map((_, id) => rows[id % 2]?.uid));
    expect((await restored(rows, blockSize, image.length)).equals(image)).toBe(true);
  });

  test('for each of equal blocks without deduplication, but for none of zeros', async () => {
    const one = noise(4096, 'one');
    const image = Buffer.concat([one, Buffer.alloc(4096), one, one]);
    const rows = await backUp(image, 4096, { deduplication: false });
    expect(blobCount()).toBe(3);
    expect(new Set(rows.map(({ uid }) => uid)).size).toBe(4);
    expect((await restored(rows, 4096, image.length)).equals(image)).toBe(true);
  });

  test('for a short last block that has the beginning of a whole one', async () => {
    const image = Buffer.concat([noise(4096, 'one'), noise(4096, 'one').subarray(0, 1000)]);
    const rows = await backUp(image, 4096);
    expect(blobCount()).toBe(2);
    expect((await restored(rows, 4096, image.length)).equals(image)).toBe(true);
  });
});
