import { describe, expect, it } from 'vitest';
import type { BlockRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { GEOMETRY, type MetaLab, NOW, row } from './meta-lab.ts';
import { sumOf, uidOf } from './numbered-blobs.ts';

/** BlockStore, and when versions are valid: what every implementation MUST do. */
export function metaBlocksSuite(lab: MetaLab): void {
  const { newVersion, commit, finish, rowsOf, whole } = lab;

  describe('rows with ids that no block has', () => {
    const DAMAGED = [row(-127, 7), ...[0, 1, 2, 3, 4, 5, 6, 8].map((id) => row(id, id)), row(10, 9)];

    it('are counted, and named', async () => {
      await whole('v1', 100);
      expect(await lab.meta.checkIds('v1', 10)).toEqual({ fitting: 10, stray: 0, examples: [] });
      await newVersion('v2');
      await commit('v2', DAMAGED);
      expect(await lab.meta.checkIds('v2', 10)).toEqual({ fitting: 8, stray: 2, examples: ['-127', '10'] });
      expect((await lab.meta.checkIds('v2', 4)).examples).toEqual(['-127', '4', '5']);
    });

    it('never make a version valid, nor are they taken over', async () => {
      await newVersion('v1');
      await commit('v1', DAMAGED);
      await expect(finish('v1')).rejects.toThrow('has 8 of 10 blocks');
      await newVersion('v2');
      await lab.meta.takeOver({
        ...{ baseUid: 'v1', ranges: [{ first: 0, count: 10 }], geometry: GEOMETRY },
        ...{ versionUid: 'v2', counters: () => NO_COUNTS, onCopied: () => {} },
      });
      expect((await rowsOf('v2')).map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 8]);
      expect(await lab.meta.discardBadBlocks('v1', GEOMETRY)).toBe(2);
      await commit('v1', [row(7, 7), row(9, 9)]);
      await finish('v1');
    });

    it('go with their version', async () => {
      await newVersion('v1');
      await commit('v1', DAMAGED);
      expect(await lab.meta.removeVersion('v1', () => {})).toBe(10);
      expect(await lab.meta.countBlocks('v1')).toBe(0);
    });
  });

  it('methods that take a list take an empty one', async () => {
    const { meta } = lab;
    await whole('v1', 100);
    expect(await meta.blocksById('v1', [])).toEqual([]);
    expect(await meta.findBlobs([], 0)).toEqual(new Map());
    expect(await meta.unnamed([])).toEqual([]);
    expect(await meta.candidatesAmong([])).toEqual([]);
    expect(await meta.diskUsage([], () => {})).toEqual([]);
    await meta.forgetDoomed([]);
    await meta.addTags('v1', []);
    await meta.removeTags('v1', []);
    expect((await meta.findVersion('v1'))?.valid).toBe(true);
  });

  describe('validity', () => {
    it('is lost by every version that holds a bad blob, and comes back with a good scrub', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      await commit(
        'v2',
        [row(3, 105, true)],
        [
          { first: 0, count: 3 },
          { first: 4, count: 6 },
        ],
      );
      await finish('v2');
      await whole('v3', 200);
      const [holders] = await lab.meta.markBlobsInvalid([{ uid: uidOf(105), checksum: sumOf(105) }]);
      expect(holders?.toSorted((a, b) => (a.versionUid < b.versionUid ? -1 : 1))).toEqual([
        { versionUid: 'v1', id: 5 },
        { versionUid: 'v2', id: 3 },
      ]);
      const valid = async () => (await lab.meta.listVersions({})).filter((version) => version.valid).map(({ uid }) => uid);
      expect(await valid()).toEqual(['v3']);
      await lab.meta.setVersionValid('v1');
      expect((await valid()).sort()).toEqual(['v1', 'v3']);
      expect((await rowsOf('v1')).every((block: BlockRow) => block.valid)).toBe(true);
    });

    it('is lost by all versions that hold one of many bad blobs, at once, and by no other block', async () => {
      await whole('v1', 100);
      lab.fixture.setNow(new Date(NOW.getTime() + 1000));
      await newVersion('v2');
      const rows = [107, 103, 103, 200, 201, 202, 203, 204, 205, 109].map((blob, id) => row(id, blob, blob < 200));
      await commit('v2', rows);
      await finish('v2');
      await whole('v3', 300);
      const wrong = { uid: uidOf(301), checksum: sumOf(5) };
      const unknown = { uid: uidOf(999), checksum: sumOf(999) };
      const bad = [103, 107, 203].map((n) => ({ uid: uidOf(n), checksum: sumOf(n) }));
      expect(await lab.meta.markBlobsInvalid([wrong, ...bad, unknown])).toEqual([
        [],
        [
          { versionUid: 'v1', id: 3 },
          { versionUid: 'v2', id: 1 },
        ],
        [
          { versionUid: 'v1', id: 7 },
          { versionUid: 'v2', id: 0 },
        ],
        [{ versionUid: 'v2', id: 6 }],
        [],
      ]);
      const badOf = async (uid: string) => (await rowsOf(uid)).filter(({ valid }) => !valid).map(({ id }) => id);
      expect([await badOf('v1'), await badOf('v2'), await badOf('v3')]).toEqual([[3, 7], [0, 1, 2, 6], []]);
      expect((await lab.meta.listVersions({})).map(({ valid }) => valid)).toEqual([false, false, true]);
      expect(await lab.meta.markBlobsInvalid([])).toEqual([]);
    });
  });
}
