import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PendingRow, RowCommitter } from '../../../../src/core/blocks/row-committer.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: 10 * BLOCK_SIZE };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
  await lab.newVersion('v1', GEOMETRY.sizeBytes);
});
afterEach(() => lab.dispose());

const row = (id: number, found = false): PendingRow => ({
  id,
  uid: `blob${id}`,
  checksum: `${id}`,
  size: BLOCK_SIZE,
  encVersion: 0,
  envKey: null,
  nonce: null,
  found,
  bytesRead: BLOCK_SIZE,
});

function committerWith(
  flush: () => Promise<void>,
  findMissing: (rows: readonly BackupRow[]) => Promise<ReadonlySet<BackupRow>> = async () => new Set(),
  confirmStore = async () => {},
): { committer: RowCommitter; committed: number[]; refused: number[] } {
  const committed: number[] = [];
  const refused: number[] = [];
  const committer = new RowCommitter({
    meta: lab.meta,
    versionUid: 'v1',
    geometry: GEOMETRY,
    counters: NO_COUNTS,
    flush,
    confirmStore,
    findMissing,
    onCommitted: (rows) => committed.push(...rows.map(({ id }) => id)),
    onRefused: (rows) => refused.push(...rows.map(({ id }) => id)),
    heals: true,
    onHealed: () => {},
    elapsedSeconds: () => 0,
  });
  return { committer, committed, refused };
}

const rowsInDatabase = () => lab.meta.countBlocks('v1');

describe('a group of rows', () => {
  it('is committed without those whose blob is gone, which are refused and not counted', async () => {
    const { committer, refused } = committerWith(
      async () => {},
      async (rows) => new Set(rows.filter(({ id }) => id === 1)),
    );
    for (const id of [0, 1, 2]) committer.addRow(row(id));
    await committer.commit();
    expect(refused).toEqual([1]);
    expect((await lab.meta.blockPage('v1', -1, 9)).map(({ id }) => id)).toEqual([0, 2]);
    expect(committer.counters.blocksWritten).toBe(2);
  });

  it('is committed only after a flush has ended, and is there then', async () => {
    const seen: number[] = [];
    const { committer, committed } = committerWith(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(await rowsInDatabase());
    });
    committer.addRow(row(0));
    committer.addZero({ id: 1, size: BLOCK_SIZE, bytesRead: 0 });
    await committer.commit();
    committer.addRow(row(2));
    await committer.commit();
    expect(seen).toEqual([0, 2]);
    expect(await rowsInDatabase()).toBe(3);
    expect(committed).toEqual([0, 2]);
  });

  it('is not committed when its flush fails, nor is any later one, though the flush works again', async () => {
    let flushes = 0;
    const { committer, committed } = committerWith(async () => {
      if (flushes++ === 0) throw new Error('no fsync');
    });
    committer.addRow(row(0));
    await expect(committer.commit()).rejects.toThrow('no fsync');
    committer.addRow(row(1));
    await expect(committer.commit()).rejects.toThrow('no fsync');
    expect(await rowsInDatabase()).toBe(0);
    expect(committed).toEqual([]);
  });

  it('is not committed when its blobs are not in the store, unless all of them were there before', async () => {
    await lab.wholeVersion('v0', [row(0)]);
    const { committer } = committerWith(
      async () => {},
      async () => new Set(),
      async () => {
        throw new Error('not mounted');
      },
    );
    committer.addRow(row(0, true));
    await committer.commit();
    expect(await rowsInDatabase()).toBe(1);
    committer.addRow({ ...row(1), replaces: 'blob0', checksum: '0' });
    await expect(committer.commit()).rejects.toThrow('not mounted');
    expect(await rowsInDatabase()).toBe(1);
    expect((await lab.meta.blockPage('v0', -1, 9)).map(({ uid }) => uid)).toEqual(['blob0']);
  });

  it('is committed one at a time: rows that came during a commit wait for a flush of their own', async () => {
    let flushing = 0;
    const { committer } = committerWith(async () => {
      expect(++flushing).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      flushing--;
    });
    committer.addRow(row(0));
    const first = committer.commit();
    committer.addRow(row(1));
    await Promise.all([first, committer.commit()]);
    expect(await rowsInDatabase()).toBe(2);
  });

  it('needs no flush when all its blobs were durable before', async () => {
    await lab.wholeVersion('v0', [row(0)]);
    const { committer } = committerWith(async () => {
      throw new Error('no fsync');
    });
    committer.addRow(row(0, true));
    await committer.commit();
    expect(await rowsInDatabase()).toBe(1);
  });

  it('gives rows back whose blob a cleanup has taken, and does not count them', async () => {
    const { committer, refused } = committerWith(async () => {});
    committer.addRow(row(0));
    committer.addRow(row(1, true));
    await committer.commit();
    expect(refused).toEqual([1]);
    expect(committer.counters).toMatchObject({ blocksWritten: 1, blocksDedup: 0, blocksRead: 1, bytesWritten: BLOCK_SIZE });
  });
});
