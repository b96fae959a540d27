import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkContinuedSource } from '../../../../src/core/backup/continue-check.ts';
import { checkHintsAgainstBase, checkHintsWithoutBase } from '../../../../src/core/backup/hint-check.ts';
import type { SampleOptions } from '../../../../src/core/backup/source-sample.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { Bitmap } from '../../../../src/model/bitmap.ts';
import { InlinePool } from '../../../support/engine/inline-pool.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 40;
const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: BLOCKS * BLOCK_SIZE };
const MISMATCH = { code: 'hintsMismatch', exitCode: 5 };
/** Block of zeros that the base has as a block like any other, as old releases stored it. */
const STORED_ZEROS = 3;
/** Block of zeros without a blob. */
const SPARSE = 4;

let lab: CoreLab;
let image: Buffer;
let pool: InlinePool | undefined;
beforeEach(async () => {
  lab = await CoreLab.create();
  image = randomBytes(GEOMETRY.sizeBytes);
  blockOf(STORED_ZEROS).fill(0);
  blockOf(SPARSE).fill(0);
  await makeBase();
});
afterEach(async () => {
  await pool?.close();
  await lab.dispose();
});

function blockOf(id: number): Buffer {
  return image.subarray(id * BLOCK_SIZE, (id + 1) * BLOCK_SIZE);
}

async function makeBase(): Promise<void> {
  const rows = Array.from({ length: BLOCKS }, (_, id) => ({
    ...{ id, uid: newBlobUid(), checksum: createHash('sha512').update(blockOf(id)).digest('hex'), size: BLOCK_SIZE },
    ...{ encVersion: 0, envKey: null, nonce: null, found: false },
  }));
  const sparse = { uid: null, checksum: null };
  await lab.wholeVersion(
    'base',
    rows.map((row) => (row.id === SPARSE ? { ...row, ...sparse } : row)),
  );
}

function sampleBy(percent: number): SampleOptions {
  const source = { url: lab.source(image), limits: lab.context.io.file };
  pool = new InlinePool({ ...GEOMETRY, data: lab.data, source });
  return { pool, geometry: GEOMETRY, hashFunction: 'sha512', percent, random: lab.context.random };
}

function below(end: number): Bitmap {
  const ids = new Bitmap(BLOCKS);
  ids.addRange(0, end);
  return ids;
}

/** Checks a sample of the blocks below `end` against the base. */
function check(percent: number, end = BLOCKS): Promise<void> {
  return checkHintsAgainstBase({ ...sampleBy(percent), meta: lab.meta, baseUid: 'base' }, below(end));
}

describe('a source that matches its base', () => {
  it('passes, with its zeros as holes or as blocks', () => check(100));
});

describe('a source that differs from its base in a block without a hint', () => {
  it.each([0, STORED_ZEROS, SPARSE, 17, BLOCKS - 1])('is refused for block %i when all are compared', async (id) => {
    blockOf(id).fill('x');
    await expect(check(100)).rejects.toMatchObject(MISMATCH);
  });

  it('is refused when it has zeros in place of data', async () => {
    blockOf(20).fill(0);
    await expect(check(100)).rejects.toMatchObject(MISMATCH);
  });

  it('is refused with 0 percent as well, since at least ten blocks are compared', async () => {
    image = randomBytes(GEOMETRY.sizeBytes);
    await expect(check(0)).rejects.toMatchObject(MISMATCH);
  });

  it.each([0, 1, 2, 3, 4])('is refused for block %i of 10, all of which are compared', async (id) => {
    blockOf(2 * id + 1).fill('x');
    await expect(check(0, 10)).rejects.toMatchObject(MISMATCH);
  });

  it('passes if a hint names the block', async () => {
    blockOf(BLOCKS - 1).fill('x');
    await check(100, BLOCKS - 1);
  });
});

describe('a source without a base', () => {
  it('passes if it is zero', async () => {
    image.fill(0);
    await checkHintsWithoutBase(sampleBy(100), below(BLOCKS));
    await checkHintsWithoutBase(sampleBy(0), below(0));
  });

  it.each([0, 17, BLOCKS - 1])('is refused for data in block %i when all are compared', async (id) => {
    image.fill(0);
    blockOf(id).fill('x', 100, 101);
    await expect(checkHintsWithoutBase(sampleBy(100), below(BLOCKS))).rejects.toMatchObject(MISMATCH);
  });

  it('is refused with 0 percent as well, since at least ten blocks are compared', async () => {
    await expect(checkHintsWithoutBase(sampleBy(0), below(BLOCKS))).rejects.toMatchObject(MISMATCH);
  });
});

describe('a source that a version is continued from', () => {
  const checkContinued = async (percent: number) =>
    checkContinuedSource({ ...sampleBy(percent), meta: lab.meta }, await lab.version('base'));

  it.each([0, 100])('passes with %i percent where it is the same', checkContinued);

  it.each([0, STORED_ZEROS, SPARSE, 17, BLOCKS - 1])('is refused for block %i when all are compared', async (id) => {
    blockOf(id).fill('x');
    await expect(checkContinued(100)).rejects.toMatchObject(MISMATCH);
  });

  it('is refused with 0 percent as well, by blocks that have data', async () => {
    lab.sql(`UPDATE blocks SET uid = NULL, checksum = NULL WHERE id NOT IN (19, ${BLOCKS - 1})`);
    const data = blockOf(19);
    for (let id = 0; id < BLOCKS; id++) if (id !== 19) blockOf(id).fill(0);
    expect(data.some((byte) => byte !== 0)).toBe(true);
    await expect(checkContinued(0)).rejects.toMatchObject(MISMATCH);
  });

  it('is not compared with blocks that are bad or missing: they are read again', async () => {
    lab.sql('UPDATE blocks SET valid = 0 WHERE id < 20; DELETE FROM blocks WHERE id >= 30');
    for (let id = 0; id < BLOCKS; id++) if (id < 20 || id >= 30) blockOf(id).fill('x');
    await checkContinued(100);
  });
});
