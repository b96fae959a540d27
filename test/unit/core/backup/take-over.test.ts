import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addPlannedZeros, takeOverFromBase } from '../../../../src/core/backup/take-over.ts';
import { type BackupPlan, planBackup } from '../../../../src/core/plan/backup-plan.ts';
import type { Hint } from '../../../../src/core/plan/hints.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 10;
const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: BLOCKS * BLOCK_SIZE };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
  await lab.newVersion('v2', GEOMETRY.sizeBytes);
});
afterEach(() => lab.dispose());

/** Makes a valid base. */
async function makeBase(blocks = BLOCKS): Promise<void> {
  const rows = Array.from({ length: blocks }, (_, id) => ({
    ...{ id, uid: `blob${id}`, checksum: `0${id}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false },
  }));
  await lab.wholeVersion('v1', rows);
}

async function takeOver(hints: readonly Hint[]): Promise<{ plan: BackupPlan; taken: number[] }> {
  const base = await lab.version('v1');
  const plan = planBackup({ ...GEOMETRY, hints, baseSizeBytes: base.sizeBytes });
  const { meta } = lab;
  const { signal } = lab.context;
  const set = { meta, versionUid: 'v2', geometry: GEOMETRY, plan, signal, elapsedSeconds: () => 0, onBlocks: () => {} };
  const counters = await takeOverFromBase({ ...set, counters: NO_COUNTS }, 'v1');
  const taken = (await meta.blockPage('v2', -1, 100)).map(({ id }) => id);
  const total = await addPlannedZeros({ ...set, counters });
  expect(total.blocksDedup).toBe(taken.length);
  return { plan, taken };
}

const toRead = (plan: BackupPlan) =>
  [...plan.read.ranges()].flatMap(({ first, count }) => Array.from({ length: count }, (_, n) => first + n));

describe('what no hint names', () => {
  it('is taken from the base, all of it, when nothing has changed', async () => {
    await makeBase();
    const { plan, taken } = await takeOver([]);
    expect([taken.length, toRead(plan)]).toEqual([BLOCKS, []]);
  });

  it('is read if its block in the base is known to be bad', async () => {
    await makeBase();
    await lab.meta.markBlobsInvalid([{ uid: 'blob3', checksum: '03' }]);
    await lab.meta.markBlobsInvalid([{ uid: 'blob9', checksum: '09' }]);
    const { plan, taken } = await takeOver([{ offset: 0, length: 1, exists: true }]);
    expect(toRead(plan)).toEqual([0, 3, 9]);
    expect(taken).toEqual([1, 2, 4, 5, 6, 7, 8]);
  });

  it('is read if its block in the base is bad though the base counts as valid, as in databases of the original', async () => {
    await makeBase();
    lab.sql('UPDATE blocks SET valid = 0 WHERE id = 3');
    const { plan, taken } = await takeOver([]);
    expect(toRead(plan)).toEqual([3]);
    expect(taken).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
  });

  it('is read beyond the end of a shorter base', async () => {
    await makeBase(7);
    const { plan, taken } = await takeOver([]);
    expect(toRead(plan)).toEqual([7, 8, 9]);
    expect(taken).toHaveLength(7);
  });

  it('and blocks to read and zero blocks make up the image', async () => {
    await makeBase();
    await lab.meta.markBlobsInvalid([{ uid: 'blob4', checksum: '04' }]);
    const { plan } = await takeOver([
      { offset: 0, length: 100, exists: true },
      { offset: 5 * BLOCK_SIZE, length: 2.5 * BLOCK_SIZE, exists: false },
    ]);
    expect(toRead(plan)).toEqual([0, 4, 7]);
    const rows = await lab.meta.blockPage('v2', -1, 100);
    expect(rows.map(({ id }) => id)).toEqual([1, 2, 3, 5, 6, 8, 9]);
    expect(rows.filter(({ uid }) => uid === null).map(({ id }) => id)).toEqual([5, 6]);
  });
});
