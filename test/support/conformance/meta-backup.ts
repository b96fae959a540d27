import { describe, expect, it } from 'vitest';
import { dedupKey } from '../../../src/model/blob.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { GEOMETRY, type MetaLab, NOW, row } from './meta-lab.ts';
import { sumOf, uidOf } from './numbered-blobs.ts';

/** An image of one block. */
const imageOf = (uid: string, sizeBytes: number) => ({ uid, name: 'vm', snapshotName: '', size: 1, sizeBytes, expire: null });

async function* only<T>(...rows: T[]): AsyncIterable<T> {
  yield* rows;
}

/** BackupStore: what every implementation MUST do. */
export function metaBackupSuite(lab: MetaLab): void {
  const { newVersion, commit, finish, rowsOf, whole } = lab;

  describe('a backup', () => {
    it('commits rows and zeros, the last block short', async () => {
      await newVersion('v1');
      await commit('v1', [row(0, 1)], [{ first: 1, count: 9 }]);
      const rows = await rowsOf('v1');
      expect(rows).toHaveLength(10);
      expect(rows[0]).toEqual({ ...row(0, 1), valid: true, found: undefined });
      expect(rows[9]).toMatchObject({ id: 9, uid: null, checksum: null, size: 50, valid: true });
      expect(await lab.meta.countBlocks('v1')).toBe(10);
      expect(await lab.meta.presentBlocks('v1', { first: 0, count: 10 })).toEqual([{ first: 0, count: 10 }]);
    });

    it('finds blobs by content, unless they are invalid, of other encryption or doomed', async () => {
      await whole('v1', 100);
      const key = { checksum: sumOf(103), size: 100 };
      const found = async (encVersion = 0) =>
        (await lab.meta.findBlobs([key, { checksum: 'x', size: 1 }], encVersion)).get(dedupKey(key));
      expect(await found()).toEqual({ uid: uidOf(103), envKey: null, nonce: null });
      expect(await found(1)).toBeUndefined();
      expect((await lab.meta.findBlobs([{ checksum: sumOf(103), size: 50 }], 0)).size).toBe(0);
      await lab.meta.markBlobsInvalid([{ uid: uidOf(103), checksum: sumOf(103) }]);
      expect(await found()).toBeUndefined();
    });

    it('refuses a found blob that no row names, and one that is doomed, and takes it otherwise', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      expect((await commit('v2', [row(0, 100, true), row(1, 7, true)])).refused).toEqual([row(1, 7, true)]);
      await lab.meta.removeVersion('v1', () => {});
      // v2 names blob 100 still; all others can be doomed.
      const doomed = await lab.doom(0, 100, '');
      expect(doomed).toHaveLength(9);
      expect(doomed).not.toContain(uidOf(100));
      expect((await commit('v2', [row(2, 101, true)])).refused).toHaveLength(1);
      expect((await rowsOf('v2')).map(({ id }) => id)).toEqual([0]);
    });

    it('refuses a found blob that is doomed although a row names it, as a program without this protocol may have done', async () => {
      await whole('v1', 100);
      await lab.meta.removeVersion('v1', () => {});
      expect(await lab.doom(0, 100, '')).toContain(uidOf(101));
      await newVersion('v2');
      await commit('v2', [row(1, 101)]);
      expect((await commit('v2', [row(2, 101, true)])).refused).toHaveLength(1);
    });

    it('lets rows wait for one another within a group', async () => {
      await newVersion('v1');
      expect((await commit('v1', [row(0, 1), row(1, 1, true)])).refused).toEqual([]);
    });

    it('takes rows over in sets: valid ones of the right length', async () => {
      await whole('v1', 100);
      await lab.meta.markBlobsInvalid([{ uid: uidOf(104), checksum: sumOf(104) }]);
      await newVersion('v2');
      const piece = await lab.meta.takeOver({
        baseUid: 'v1',
        versionUid: 'v2',
        ranges: [
          { first: 1, count: 2 },
          { first: 4, count: 6 },
        ],
        geometry: GEOMETRY,
        counters: (done) => ({ ...NO_COUNTS, blocksDedup: done.blocks }),
        onCopied: () => {},
      });
      expect(piece).toEqual({ blocks: 7, bytes: 650, sparseBlocks: 0, sparseBytes: 0 });
      expect(await lab.meta.presentBlocks('v2', { first: 0, count: 10 })).toEqual([
        { first: 1, count: 2 },
        { first: 5, count: 5 },
      ]);
      expect((await lab.meta.savedCounters('v2'))?.blocksDedup).toBe(7);
      const longer = { blockSize: 100, sizeBytes: 980 };
      await newVersion('v3');
      const order = {
        baseUid: 'v1',
        versionUid: 'v3',
        ranges: [{ first: 8, count: 2 }],
        geometry: longer,
        counters: () => NO_COUNTS,
        onCopied: () => {},
      };
      expect((await lab.meta.takeOver(order)).blocks).toBe(1);
    });

    it('discards rows that a resumed backup must make again', async () => {
      await whole('v1', 100);
      await lab.meta.markBlobsInvalid([{ uid: uidOf(104), checksum: sumOf(104) }]);
      expect(await lab.meta.discardBadBlocks('v1', GEOMETRY)).toBe(1);
      expect(await lab.meta.presentBlocks('v1', { first: 0, count: 10 })).toEqual([
        { first: 0, count: 4 },
        { first: 5, count: 5 },
      ]);
      expect(await lab.doom(0, 10, '')).toEqual([uidOf(104)]);
    });

    it('takes a short image over that is one block of any size', async () => {
      const image = { ...imageOf('v1', 60), valid: true, protected: false, date: NOW };
      await lab.meta.importVersion(image, only({ ...row(0, 1), size: 60, valid: true, date: NOW }));
      await lab.meta.createVersion({ ...imageOf('v2', 60), tags: [] });
      const request = { baseUid: 'v1', versionUid: 'v2', ranges: [{ first: 0, count: 1 }] };
      const geometry = { blockSize: 100, sizeBytes: 60 };
      await lab.meta.takeOver({ ...request, geometry, counters: () => NO_COUNTS, onCopied: () => {} });
      expect(await lab.meta.countersFromRows('v2')).toMatchObject({ bytesRead: 60 });
      expect(await lab.meta.diskUsage(['v2'], () => {})).toMatchObject([{ real: 60 }]);
      expect(await lab.meta.checkedPage('v2', -1, 10)).toMatchObject({ damage: [], rows: [{ size: 60 }] });
      expect(await lab.meta.discardBadBlocks('v2', geometry)).toBe(0);
      await finish('v2');
    });

    it('goes on with another block size once all of its blocks were discarded', async () => {
      await lab.meta.createVersion({ ...imageOf('v1', 250), size: 3, tags: [] });
      const group = { sparse: [], counters: () => NO_COUNTS };
      const blocks = [0, 1, 2].map((id) => ({ ...row(id, id), size: id === 2 ? 50 : 100 }));
      await lab.meta.commitGroup('v1', { ...group, rows: blocks }, { blockSize: 100, sizeBytes: 250 });
      await lab.meta.markBlobsInvalid([{ uid: uidOf(0), checksum: sumOf(0) }]);
      const geometry = { blockSize: 110, sizeBytes: 250 };
      expect(await lab.meta.discardBadBlocks('v1', geometry)).toBe(3);
      const last = { ...row(2, 12), size: 30 };
      await lab.meta.commitGroup('v1', { ...group, rows: [last], sparse: [{ first: 0, count: 2 }] }, geometry);
      expect((await rowsOf('v1')).map(({ size }) => size)).toEqual([110, 110, 30]);
      expect(await lab.meta.countersFromRows('v1')).toMatchObject({ bytesSparse: 220, bytesRead: 30 });
      await finish('v1');
    });

    it('goes on after it was finished without looking damaged', async () => {
      await whole('v1', 100);
      await lab.meta.markBlobsInvalid([{ uid: uidOf(104), checksum: sumOf(104) }]);
      await lab.meta.discardBadBlocks('v1', GEOMETRY);
      expect(await lab.meta.checkVersion('v1')).toEqual([]);
      await lab.meta.importVersion({ ...imageOf('v2', 950), size: 10, valid: false, protected: false, date: NOW }, only());
      await commit('v2', [row(0, 100, true)]);
      expect(await lab.meta.checkVersion('v2')).toEqual([]);
      await commit('v1', [row(4, 204)]);
      await finish('v1');
      expect(await lab.meta.checkVersion('v1')).toEqual([]);
    });

    it('is valid, and its counters forgotten, only once it is finished', async () => {
      await newVersion('v1');
      await commit('v1', [], [{ first: 0, count: 10 }]);
      expect(await lab.meta.savedCounters('v1')).toEqual(NO_COUNTS);
      expect((await lab.meta.findVersion('v1'))?.valid).toBe(false);
      await finish('v1');
      expect((await lab.meta.findVersion('v1'))?.valid).toBe(true);
      expect(await lab.meta.savedCounters('v1')).toBeUndefined();
    });
  });

  it('never calls a backup valid that lacks a block', async () => {
    await newVersion('v1');
    await commit('v1', [], [{ first: 0, count: 9 }]);
    await expect(finish('v1')).rejects.toThrow('has 9 of 10 blocks');
    expect((await lab.meta.findVersion('v1'))?.valid).toBe(false);
  });
}
