import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../../src/core/backup/counters.ts';
import { validateHealed } from '../../../src/core/validate-whole.ts';
import type { BackupRow } from '../../../src/meta/types.ts';
import { BLOCK_SIZE, CoreLab } from '../../support/core-lab.ts';

const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: 2 * BLOCK_SIZE };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

const row = (id: number): BackupRow => ({
  ...{ id, uid: `blob${id}`, checksum: `0${id}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false },
});
const isValid = async (uid: string) => (await lab.version(uid)).valid;

describe('a backup', () => {
  const commit = (rows: BackupRow[]) => lab.meta.commitGroup('v1', { rows, sparse: [], counters: () => NO_COUNTS }, GEOMETRY);

  it('is not finished while one of its rows is bad, and is once that was made anew', async () => {
    const version = await lab.newVersion('v1', GEOMETRY.sizeBytes);
    await commit([row(0), row(1)]);
    await lab.meta.markBlockInvalid('blob1', '01');
    expect(await lab.meta.finishBackup(version, NO_COUNTS)).toBe(false);
    expect(await isValid('v1')).toBe(false);
    expect(await lab.meta.listStats({ versionUid: undefined, limit: undefined })).toEqual([]);
    expect(await lab.meta.discardBadBlocks('v1', GEOMETRY)).toBe(1);
    await expect(lab.meta.finishBackup(version, NO_COUNTS)).rejects.toThrow('1 of 2 blocks');
    await commit([{ ...row(1), uid: 'other' }]);
    expect(await lab.meta.finishBackup(version, NO_COUNTS)).toBe(true);
    expect(await isValid('v1')).toBe(true);
  });
});

describe('a version that was healed', () => {
  const healed = async () => {
    const { uid, checksum, ...rest } = row(0);
    await lab.meta.markBlockInvalid(uid ?? '', checksum);
    const healing = await lab.meta.heal([{ ...rest, uid: 'good', checksum: checksum ?? '' }]);
    expect(healing).toEqual({ blocks: 1, versions: ['v1'] });
    return validateHealed(lab.context, healing);
  };

  beforeEach(async () => {
    await lab.wholeVersion('v1', [row(0), row(1)]);
  });

  it('is valid again when all of its blocks are good', async () => {
    expect(await healed()).toEqual(['v1']);
    expect(await isValid('v1')).toBe(true);
  });

  it('stays invalid when another block is bad', async () => {
    await lab.meta.markBlockInvalid('blob1', '01');
    expect(await healed()).toEqual([]);
    expect(await isValid('v1')).toBe(false);
  });

  it('stays invalid when it lacks a row', async () => {
    lab.sql('DELETE FROM blocks WHERE id = 1');
    expect(await healed()).toEqual([]);
    expect(await isValid('v1')).toBe(false);
  });
});
