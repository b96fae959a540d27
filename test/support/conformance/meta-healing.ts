import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import type { CheckCursor } from '../../../src/meta/verification-store.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { MetaStoreFixture } from './meta-lab.ts';

const NOW = new Date('2026-11-23T04:42:24.910Z');
const NOW_SECONDS = Math.floor(NOW.getTime() / 1000);
const GEOMETRY = { blockSize: 100, sizeBytes: 400 };
const uidOf = (n: number) => `${String(n).padStart(10, '0')}${'A'.repeat(22)}`;
const sumOf = (n: number) => String(n).padStart(128, '0');
const blobOf = (blob: number, content = blob) => ({
  ...{ uid: uidOf(blob), checksum: sumOf(content), size: 100, encVersion: 1, envKey: 'aa', nonce: 'bb' },
});
const row = (id: number, blob: number, content = blob, found = false): BackupRow => ({
  ...{ id, uid: uidOf(blob), checksum: sumOf(content), size: 100, encVersion: 0, envKey: null, nonce: null, found },
});

/** HealStore and VerificationStore: what every implementation MUST do. */
export function metaHealingSuite(create: () => Promise<MetaStoreFixture>): void {
  let fixture: MetaStoreFixture;
  let meta: MetaStore;
  beforeEach(async () => {
    fixture = await create();
    fixture.setNow(NOW);
    meta = fixture.store();
    await meta.initialize(fixture.layout);
    await meta.open();
  });
  afterEach(async () => {
    await meta.close();
    await fixture.dispose();
  });

  const begin = (uid: string) =>
    meta.createVersion({ uid, name: 'vm', snapshotName: '', size: 4, sizeBytes: 400, expire: null, tags: [] });
  const commit = (uid: string, rows: BackupRow[], heals = false) =>
    meta.commitGroup(uid, { rows, sparse: [], heals, counters: () => NO_COUNTS }, GEOMETRY);
  const finish = async (uid: string) => {
    const version = await meta.findVersion(uid);
    if (version === undefined) throw new Error('no version');
    return meta.finishBackup(version, NO_COUNTS);
  };
  const whole = async (uid: string, blobs: number[], found = false) => {
    await begin(uid);
    await commit(
      uid,
      blobs.map((blob, id) => row(id, blob, blob, found)),
    );
    await finish(uid);
  };
  const blobsOf = async (uid: string) =>
    (await meta.blockPage(uid, -1, 10)).map((block) => [Number(block.uid?.slice(0, 10)), block.valid]);
  const isValid = async (uid: string) => (await meta.findVersion(uid))?.valid;

  describe('healing', () => {
    it('gives all bad rows of a content the blob that a group commits, encryption and all, and makes the old one a candidate', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await whole('v2', [2, 2, 1, 4], true);
      await meta.markBlobsInvalid([{ uid: uidOf(2), checksum: sumOf(2) }]);
      await begin('v3');
      const fresh = { ...row(0, 12, 2), encVersion: 1, envKey: 'aa', nonce: 'bb' };
      const { healing } = await commit('v3', [fresh], true);
      expect({ ...healing, versions: [...healing.versions].sort() }).toEqual({ blocks: 3, versions: ['v1', 'v2'] });
      expect(await blobsOf('v1')).toEqual([
        [1, true],
        [12, true],
        [3, true],
        [4, true],
      ]);
      expect(await blobsOf('v2')).toEqual([
        [12, true],
        [12, true],
        [1, true],
        [4, true],
      ]);
      expect((await meta.blocksById('v1', [1]))[0]).toMatchObject({
        encVersion: 1,
        envKey: 'aa',
        nonce: 'bb',
        checksum: sumOf(2),
      });
      expect([await isValid('v1'), await isValid('v2')]).toEqual([false, false]);
      expect((await meta.validateWhole(['v1', 'v2'])).sort()).toEqual(['v1', 'v2']);
      expect([await isValid('v1'), await isValid('v2'), await isValid('v3')]).toEqual([true, true, false]);
      await meta.dropUsedCandidates(0);
      expect(await meta.doomCandidates(0, 10, '')).toEqual([uidOf(2)]);
    });

    it('happens only in groups that ask for it, and leaves good rows and other lengths alone', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await begin('v3');
      expect((await commit('v3', [row(0, 11, 1)], true)).healing.blocks).toBe(0);
      await meta.markBlobsInvalid([{ uid: uidOf(2), checksum: sumOf(2) }]);
      expect((await commit('v3', [row(1, 12, 2)])).healing.blocks).toBe(0);
      expect((await commit('v3', [{ ...row(2, 13, 2), size: 99 }], true)).healing.blocks).toBe(0);
      expect(await blobsOf('v1')).toEqual([
        [1, true],
        [2, false],
        [3, true],
        [4, true],
      ]);
    });

    it('takes a blob that dedup found, where a good one is there beside the bad one', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await begin('v2');
      await commit('v2', [row(0, 12, 2)]);
      await meta.markBlobsInvalid([{ uid: uidOf(2), checksum: sumOf(2) }]);
      const { healing } = await commit('v2', [row(1, 12, 2, true), row(2, 1, 1, true)], true);
      expect(healing).toEqual({ blocks: 1, versions: ['v1'] });
      expect(await blobsOf('v1')).toEqual([
        [1, true],
        [12, true],
        [3, true],
        [4, true],
      ]);
    });

    it('replaces a blob that is missing although its rows are valid', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await begin('v2');
      await commit('v2', [{ ...row(0, 12, 2), replaces: uidOf(2) }], true);
      expect(await blobsOf('v1')).toEqual([
        [1, true],
        [12, true],
        [3, true],
        [4, true],
      ]);
      expect(await isValid('v1')).toBe(true);
    });

    it('makes no version valid that lacks a row, has another bad one, or is being made', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await begin('v2');
      await commit('v2', [row(0, 2, 2, true)]);
      await begin('v3');
      await commit(
        'v3',
        [0, 1, 2, 3].map((id) => row(id, 2, 2, true)),
      );
      await meta.markBlobsInvalid([{ uid: uidOf(2), checksum: sumOf(2) }]);
      await meta.markBlobsInvalid([{ uid: uidOf(3), checksum: sumOf(3) }]);
      const { blocks } = await meta.heal([blobOf(12, 2)]);
      expect(blocks).toBe(6);
      expect(await meta.validateWhole(['v1', 'v2', 'v3', 'gone'])).toEqual([]);
      await meta.heal([blobOf(13, 3)]);
      expect(await meta.validateWhole(['v1', 'v2', 'v3', 'gone'])).toEqual(['v1']);
      expect(await finish('v3')).toBe(true);
    });

    it('pages through bad blocks', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await meta.markBlobsInvalid([{ uid: uidOf(2), checksum: sumOf(2) }]);
      await meta.markBlobsInvalid([{ uid: uidOf(4), checksum: sumOf(4) }]);
      expect((await meta.badBlockPage('v1', -1, 1)).map(({ id }) => id)).toEqual([1]);
      expect((await meta.badBlockPage('v1', 1, 5)).map(({ id }) => id)).toEqual([3]);
      expect(await meta.badBlockPage('v1', 3, 5)).toEqual([]);
    });
  });

  describe('checks of blobs', () => {
    const order = async (before = NOW_SECONDS + 1) => {
      const uids: number[] = [];
      for (let after: CheckCursor | undefined; ; ) {
        const { blobs, cursor } = await meta.longestUnchecked(after, before, 2);
        if (cursor === undefined) return uids;
        uids.push(...blobs.map(({ uid }) => Number(uid.slice(0, 10))));
        after = cursor;
      }
    };

    it('come back in the order of the longest ago; blobs that no check has met are as old as the walk before', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await meta.recordChecks([{ uid: uidOf(1), good: true }], 500);
      expect(await meta.enrolBlobs(1000, () => {})).toBe(4);
      await meta.recordChecks([{ uid: uidOf(3), good: true }], 400);
      expect(await order()).toEqual([2, 4, 3, 1]);
      await meta.recordChecks([{ uid: uidOf(2), good: false }], 2000);
      await whole('v2', [5, 1, 2, 6]);
      expect(await meta.enrolBlobs(3000, () => {})).toBe(6);
      expect(await order()).toEqual([4, 3, 1, 5, 6, 2]);
      expect(await order(1000)).toEqual([4, 3, 1]);
    });

    it('describe the blob as its rows do, and are forgotten with it', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await meta.enrolBlobs(1000, () => {});
      const { blobs } = await meta.longestUnchecked(undefined, 1, 1);
      const { id: _, found: __, ...blob } = row(0, 1);
      expect(blobs).toEqual([{ ...blob, valid: true }]);
      expect(await meta.isNamed(uidOf(1), sumOf(1))).toBe(true);
      expect(await meta.isNamed(uidOf(1), sumOf(2))).toBe(false);
      await meta.removeVersion('v1', () => {});
      expect(await meta.enrolBlobs(1000, () => {})).toBe(0);
      expect(await order()).toEqual([]);
      expect(await meta.longestUnchecked(undefined, 1, 9)).toEqual({ blobs: [], cursor: undefined });
    });

    it('are forgotten when the blob is gone', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await meta.recordChecks([{ uid: uidOf(1), good: true }], 500);
      await meta.forgetDoomed([uidOf(1)]);
      expect((await meta.longestUnchecked(undefined, 900, 9)).cursor).toBeUndefined();
    });

    it('from the future are told apart, and dated now', async () => {
      await whole('v1', [1, 2, 3, 4]);
      await meta.enrolBlobs(5000, () => {});
      await meta.recordChecks([{ uid: uidOf(1), good: true }], 500);
      await meta.recordChecks([{ uid: uidOf(2), good: true }], 5000);
      await meta.recordChecks([{ uid: uidOf(3), good: false }], 5000);
      expect(await meta.coverage([400], 1000, () => {})).toEqual({
        ...{ blobs: 4, never: 1, bad: 1, future: 2, verified: [1], oldest: { time: 500, uid: uidOf(1) } },
      });
      expect(await meta.redateFutureChecks(1000)).toEqual({ count: 2, aheadSeconds: 4000 });
      expect(await meta.redateFutureChecks(1000)).toEqual({ count: 0, aheadSeconds: 0 });
      expect(await order(1001)).toEqual([4, 1, 2, 3]);
      // New ones do not come after them for that.
      await whole('v2', [5, 6, 7, 8]);
      await meta.enrolBlobs(1000, () => {});
      expect(await order(1001)).toEqual([4, 1, 2, 3, 5, 6, 7, 8]);
      expect(await meta.coverage([400], 1000, () => {})).toMatchObject({ future: 0, verified: [2] });
    });

    it('are counted by their time, of blobs that rows name', async () => {
      await whole('v1', [1, 2, 3, 4]);
      expect(await meta.coverage([], 1000, () => {})).toEqual({
        blobs: 4,
        never: 4,
        bad: 0,
        future: 0,
        verified: [],
        oldest: undefined,
      });
      await meta.recordChecks(
        [1, 2, 9].map((n) => ({ uid: uidOf(n), good: true })),
        500,
      );
      await meta.recordChecks([{ uid: uidOf(2), good: true }], 700);
      await meta.recordChecks([{ uid: uidOf(3), good: false }], 700);
      await meta.enrolBlobs(100, () => {});
      expect(await meta.coverage([600, 500], 1000, () => {})).toEqual({
        ...{ blobs: 4, never: 1, bad: 1, future: 0, verified: [1, 2], oldest: { time: 500, uid: uidOf(1) } },
      });
    });
  });
}
