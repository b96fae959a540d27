import { describe, expect, it } from 'vitest';
import { type MetaLab, row } from './meta-lab.ts';
import { uidOf } from './numbered-blobs.ts';

/** CleanupStore: what every implementation MUST do. */
export function metaCleanupSuite(lab: MetaLab): void {
  const { newVersion, commit, whole } = lab;

  describe('cleanup', () => {
    it('drops candidates in use, dooms the old ones in batches by prefix, and forgets what is gone', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      await commit('v2', [row(0, 100, true)]);
      await lab.meta.removeVersion('v1', () => {});
      expect(await lab.meta.dropUsedCandidates(1000)).toBe(0);
      expect(await lab.doom(1000, 10, '')).toEqual([]);
      await lab.fixture.ageCandidates(999);
      expect(await lab.meta.dropUsedCandidates(3000)).toBe(0);
      expect(await lab.meta.dropUsedCandidates(999)).toBe(9);
      expect(await lab.meta.doomCandidates(3000, 10, '')).toEqual([]);
      expect(await lab.doom(0, 10, uidOf(103).slice(0, 10))).toEqual([uidOf(103)]);
      expect(await lab.doom(0, 3, '')).toHaveLength(3);
      expect(await lab.meta.leftDoomed(10)).toHaveLength(4);
      await lab.meta.forgetDoomed(await lab.meta.leftDoomed(10));
      expect(await lab.meta.leftDoomed(10)).toEqual([]);
      expect(await lab.doom(0, 10, '')).toHaveLength(5);
    });

    it('keeps a blob until the removal of the last version that had it is old enough', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      await commit('v2', [row(0, 100, true), row(1, 101, true)]);
      await lab.meta.removeVersion('v1', () => {});
      await lab.fixture.ageCandidates(5000);
      await lab.meta.removeVersion('v2', () => {});
      await lab.fixture.ageCandidates(1000);
      expect((await lab.doom(3600, 100, '')).sort()).toEqual(Array.from({ length: 8 }, (_, i) => uidOf(102 + i)));
      expect(await lab.meta.waitingBlobs(3600, '')).toMatchObject({ blobs: 2 });
      await lab.fixture.ageCandidates(3000);
      expect((await lab.doom(3600, 100, '')).sort()).toEqual([uidOf(100), uidOf(101)]);
    });

    it('counts the blobs that nothing uses and that are too young, each once', async () => {
      expect(await lab.meta.waitingBlobs(3600, '')).toEqual({ blobs: 0, seconds: 0 });
      await whole('v1', 100);
      await newVersion('v2');
      await commit('v2', [row(0, 100, true), row(1, 101, true)]);
      await lab.meta.removeVersion('v1', () => {});
      await lab.fixture.ageCandidates(600);
      expect(await lab.meta.waitingBlobs(600, '')).toEqual({ blobs: 0, seconds: 0 });
      const { blobs, seconds } = await lab.meta.waitingBlobs(3600, '');
      expect(blobs).toBe(8);
      expect(seconds).toBeGreaterThan(2900);
      expect(seconds).toBeLessThanOrEqual(3000);
      await lab.meta.removeVersion('v2', () => {});
      expect((await lab.meta.waitingBlobs(3600, '')).blobs).toBe(10);
      expect((await lab.meta.waitingBlobs(3600, uidOf(103).slice(0, 10))).blobs).toBe(1);
      await lab.doom(0, 3, '');
      expect((await lab.meta.waitingBlobs(3600, '')).blobs).toBe(7);
    });

    it('dates candidates from the future now, and no others', async () => {
      await whole('v1', 100);
      await lab.meta.removeVersion('v1', () => {});
      expect(await lab.meta.redateFutureCandidates()).toEqual({ count: 0, aheadSeconds: 0 });
      await lab.fixture.ageCandidates(5000);
      await whole('v2', 200);
      await lab.meta.removeVersion('v2', () => {});
      await lab.fixture.ageCandidates(-4000);
      expect(await lab.doom(0, 100, '')).toHaveLength(10);
      const { count, aheadSeconds } = await lab.meta.redateFutureCandidates();
      expect(count).toBe(10);
      expect(aheadSeconds).toBeGreaterThan(3900);
      expect(aheadSeconds).toBeLessThanOrEqual(4000);
      expect(await lab.doom(0, 100, '')).toHaveLength(10);
    });

    it('tells which of many uids no row names', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      await lab.meta.removeVersion('v2', () => {});
      await lab.meta.prepareFullCleanup(() => {});
      expect(await lab.meta.unnamed([uidOf(100), uidOf(5), uidOf(209), uidOf(109)])).toEqual([uidOf(5), uidOf(209)]);
    });

    it('tells how far a search for candidates in use is, and ends it when that throws', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      await commit('v2', [row(0, 100, true)]);
      await lab.meta.removeVersion('v1', () => {});
      const stop = new Error('stop');
      const stopping = lab.meta.dropUsedCandidates(0, () => {
        throw stop;
      });
      await expect(stopping).rejects.toBe(stop);
      const shares: number[] = [];
      expect(await lab.meta.dropUsedCandidates(0, (done, total) => shares.push(done / total))).toBe(9);
      expect(shares.length).toBeGreaterThan(0);
      expect(shares).toEqual([...shares].sort((a, b) => a - b));
      expect(shares.at(-1)).toBe(1);
    });

    it('tells which of many uids are candidates, or doomed', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      await lab.meta.removeVersion('v1', () => {});
      expect(await lab.meta.candidatesAmong([uidOf(200), uidOf(5), uidOf(103), uidOf(101)])).toEqual([uidOf(103), uidOf(101)]);
      await lab.doom(Number.MAX_SAFE_INTEGER, 100, '');
      expect(await lab.meta.candidatesAmong([uidOf(200), uidOf(5), uidOf(103)])).toEqual([uidOf(103)]);
    });

    it('counts full cleanups, for other stores of the same database too', async () => {
      const other = lab.fixture.store();
      await other.open();
      const before = await other.fullCleanups();
      await lab.meta.countFullCleanup();
      await lab.meta.countFullCleanup();
      expect(await other.fullCleanups()).toBe(before + 2);
      await other.close();
    });
  });
}
