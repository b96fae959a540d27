import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validateHealed } from '../../../src/core/blocks/validate-healed.ts';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { blobPath } from '../../../src/data/file/blob-paths.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { BLOCK_SIZE, CoreLab } from '../../support/labs/core-lab.ts';

const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: 2 * BLOCK_SIZE };

const BLOBS = [newBlobUid(), newBlobUid()] as const;
const GOOD = newBlobUid();

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

const row = (id: number): BackupRow => ({
  ...{ id, uid: BLOBS[id] ?? '', checksum: `0${id}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false },
});
const isValid = async (uid: string) => (await lab.version(uid)).valid;

describe('a backup', () => {
  const commit = (rows: BackupRow[]) => lab.meta.commitGroup('v1', { rows, sparse: [], counters: () => NO_COUNTS }, GEOMETRY);

  it('is not finished while one of its rows is bad, and is once that was made anew', async () => {
    const version = await lab.newVersion('v1', GEOMETRY.sizeBytes);
    await commit([row(0), row(1)]);
    await lab.meta.markBlobsInvalid([{ uid: BLOBS[1], checksum: '01' }]);
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
    await lab.meta.markBlobsInvalid([{ uid: uid ?? '', checksum }]);
    const healing = await lab.meta.heal([{ ...rest, uid: GOOD, checksum: checksum ?? '' }]);
    expect(healing).toEqual({ blocks: 1, versions: ['v1'] });
    return validateHealed(lab.context, healing);
  };
  const store = (uid: string) => {
    const path = blobPath(lab.dataPath, uid);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'bytes');
  };

  beforeEach(async () => {
    await lab.wholeVersion('v1', [row(0), row(1)]);
    for (const uid of [BLOBS[1], GOOD]) store(uid);
  });

  it('stays invalid when a blob that nobody has looked at is gone', async () => {
    rmSync(blobPath(lab.dataPath, BLOBS[1]));
    store(newBlobUid());
    expect(await healed()).toEqual([]);
    expect(await isValid('v1')).toBe(false);
    expect((await lab.meta.blocksById('v1', [0, 1])).map(({ valid }) => valid)).toEqual([true, false]);
  });

  it('is valid again when all of its blocks are good', async () => {
    expect(await healed()).toEqual(['v1']);
    expect(await isValid('v1')).toBe(true);
  });

  it('stays invalid when another block is bad', async () => {
    await lab.meta.markBlobsInvalid([{ uid: BLOBS[1], checksum: '01' }]);
    expect(await healed()).toEqual([]);
    expect(await isValid('v1')).toBe(false);
  });

  it('stays invalid when it lacks a row', async () => {
    lab.sql('DELETE FROM blocks WHERE id = 1');
    expect(await healed()).toEqual([]);
    expect(await isValid('v1')).toBe(false);
  });
});
