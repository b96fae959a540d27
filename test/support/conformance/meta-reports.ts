import { describe, expect, it } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { type MetaLab, row } from './meta-lab.ts';

/** ReportStore: what every implementation MUST do. */
export function metaReportsSuite(lab: MetaLab): void {
  const { newVersion, commit, whole } = lab;

  describe('reports', () => {
    it('list the statistics of backups, the newest of them, or those of one version', async () => {
      for (const [i, uid] of ['v1', 'v2', 'v3'].entries()) await whole(uid, 100 * i);
      const uids = async (filter: Parameters<MetaStore['listStats']>[0]) =>
        (await lab.meta.listStats(filter)).map(({ versionUid }) => versionUid);
      expect(await uids({})).toEqual(['v1', 'v2', 'v3']);
      expect(await uids({ limit: 2 })).toEqual(['v2', 'v3']);
      expect(await uids({ limit: 0 })).toEqual([]);
      expect(await uids({ versionUid: 'v2', limit: 5 })).toEqual(['v2']);
      expect(await uids({ versionUid: 'v9' })).toEqual([]);
      const [first] = await lab.meta.listStats({ versionUid: 'v1' });
      const ended = first?.date ?? new Date(0);
      expect(await uids({ endedSince: ended })).toEqual(['v1', 'v2', 'v3']);
      expect(await uids({ endedSince: ended, versionUid: 'v2' })).toEqual(['v2']);
      expect(await uids({ endedSince: new Date(ended.getTime() + 86_400_000) })).toEqual([]);
      expect(first).toMatchObject({ name: 'vm', size: 10, sizeBytes: 950, counters: NO_COUNTS });
    });

    it('tell the disk usage of versions by the uses of their blobs', async () => {
      const blobs = async (uid: string, ids: number[], sparse: { first: number; count: number }[] = []) => {
        await newVersion(uid);
        await commit(
          uid,
          ids.map((blob, id) => row(id, blob)),
          sparse,
        );
      };
      await blobs('v1', [1, 2, 2, 3], [{ first: 4, count: 6 }]);
      await blobs('v2', [1, 1, 4]);
      const v1 = { real: 400, sparse: 550, dedupOthers: 100, dedupOwn: 100, individual: 100, freed: 200 };
      const v2 = { real: 300, sparse: 0, dedupOthers: 200, dedupOwn: 0, individual: 100, freed: 100 };
      const estimates = [100 / 3 + 50 + 100, 100 / 3 + 100];
      const told = new Set<string>();
      const both = await lab.meta.diskUsage(['v1', 'v2'], (uid) => told.add(uid));
      expect([...told]).toEqual(['v1', 'v2']);
      expect(both).toMatchObject([v1, v2]);
      for (const [i, { estimated }] of both.entries()) expect(estimated).toBeCloseTo(estimates[i] ?? 0, 9);
      expect(await lab.meta.diskUsage(['v2'], () => {})).toEqual([both[1]]);
      expect(await lab.meta.diskUsage([], () => {})).toEqual([]);
      expect(await lab.meta.diskUsage(['v9'], () => {})).toMatchObject([{ real: 0, sparse: 0, estimated: 0, freed: 0 }]);
    });

    it('stop counting when they are told to', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      let asked = 0;
      const stopAtSecond = () => {
        if (++asked === 2) throw new Error('stopped');
      };
      await expect(lab.meta.diskUsage(['v1', 'v2', 'v1'], stopAtSecond)).rejects.toThrow('stopped');
      expect(asked).toBe(2);
      expect(await lab.meta.diskUsage(['v1', 'v2'], () => {})).toHaveLength(2);
    });

    const compared = async (left: string, right: string, afterId = -1) => {
      const lines: string[] = [];
      for (let after = afterId; after < Number.POSITIVE_INFINITY; ) {
        const { ranges, end } = await lab.meta.compareVersions(left, right, after, 2);
        for (const { change, first, count } of ranges)
          for (let id = first; id < first + count; id++) lines.push(`${id} ${change}`);
        expect(end).toBeGreaterThan(after);
        after = end;
      }
      return lines;
    };

    it('compare two versions block by block, in pages', async () => {
      await newVersion('v1');
      await commit('v1', [row(3, 7), row(9, 8)], [{ first: 4, count: 4 }]);
      await newVersion('v2');
      await commit('v2', [row(0, 6), row(3, 7), row(4, 5), row(9, 9)], [{ first: 6, count: 3 }]);
      const wanted = ['0 NEW RIGHT', '3 SAME', '4 DIFF', '5 NEW LEFT', '6 SAME', '7 SAME', '8 NEW RIGHT', '9 DIFF'];
      expect(await compared('v1', 'v2')).toEqual(wanted);
      expect(await compared('v1', 'v2', 3)).toEqual(wanted.slice(2));
      expect(await compared('v1', 'v2', 9)).toEqual([]);
      const mirrored = wanted.map((line) =>
        line.includes('LEFT') ? line.replace('LEFT', 'RIGHT') : line.replace('RIGHT', 'LEFT'),
      );
      expect(await compared('v2', 'v1')).toEqual(mirrored);
      expect(await compared('v1', 'v1')).toEqual(['3 SAME', '4 SAME', '5 SAME', '6 SAME', '7 SAME', '9 SAME']);
      expect(await compared('v9', 'v1')).toEqual((await compared('v1', 'v1')).map((line) => line.replace('SAME', 'NEW RIGHT')));
      expect(await compared('v8', 'v9')).toEqual([]);
    });

    it('call blocks of a blob the same wherever they got it from', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      await commit(
        'v2',
        Array.from({ length: 9 }, (_, id) => row(id, 100 + id)),
      );
      expect(await compared('v1', 'v2')).toEqual([...Array.from({ length: 9 }, (_, id) => `${id} SAME`), '9 NEW LEFT']);
    });
  });
}
