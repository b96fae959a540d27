import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { dedupKey } from '../../../src/model/blob.ts';
import type { BackupRow, BlockRow, DatedBlockRow } from '../../../src/model/block.ts';
import type { BackupCounters } from '../../../src/model/counters.ts';
import type { Version } from '../../../src/model/version.ts';

/** How the suite gets stores of one database. */
export interface MetaStoreFixture {
  /** A store that is not open yet; all of a test share one database. */
  store(): MetaStore;
  /** Moves the clock that the stores see. */
  setNow(now: Date): void;
  /** Makes all candidates for deletion so many seconds older, whatever clock gave them their time. */
  ageCandidates(seconds: number): Promise<void>;
  dispose(): Promise<void>;
}

const GEOMETRY = { blockSize: 100, sizeBytes: 950 };
const NO_COUNTS: BackupCounters = {
  bytesRead: 0,
  blocksRead: 0,
  bytesWritten: 0,
  blocksWritten: 0,
  bytesDedup: 0,
  blocksDedup: 0,
  bytesSparse: 0,
  blocksSparse: 0,
  durationSeconds: 0,
};
const NOW = new Date('2026-11-23T04:42:24.910Z');

/** A uid of the right length, told apart by its number. */
const uidOf = (n: number) => `${String(n).padStart(10, '0')}${'A'.repeat(22)}`;
const sumOf = (n: number) => String(n).padStart(128, '0');

function row(id: number, blob: number, found = false): BackupRow {
  return {
    id,
    uid: uidOf(blob),
    checksum: sumOf(blob),
    size: id === 9 ? 50 : 100,
    encVersion: 0,
    envKey: null,
    nonce: null,
    found,
  };
}

function refuse(now: boolean): string {
  if (now) throw new Error('refused');
  return 'x';
}

/** What every meta store must do (src/meta/meta-store.ts). */
export function metaStoreSuite(create: () => Promise<MetaStoreFixture>): void {
  let fixture: MetaStoreFixture;
  let meta: MetaStore;
  beforeEach(async () => {
    fixture = await create();
    fixture.setNow(NOW);
    meta = fixture.store();
    await meta.initialize();
    await meta.open();
  });
  afterEach(async () => {
    await meta.close();
    await fixture.dispose();
  });

  const newVersion = (uid: string, name = 'vm', tags: string[] = []) =>
    meta.createVersion({ uid, name, snapshotName: '', size: 10, sizeBytes: 950, expire: null, tags });
  const commit = (uid: string, rows: BackupRow[], sparse: { first: number; count: number }[] = []) =>
    meta.commitGroup(uid, { rows, sparse, counters: () => NO_COUNTS }, GEOMETRY);
  const finish = async (uid: string) => {
    const version = await meta.findVersion(uid);
    if (version === undefined) throw new Error('no version');
    await meta.finishBackup(version, NO_COUNTS);
  };
  const rowsOf = (uid: string) => meta.blockPage(uid, -1, 1000);
  const whole = async (uid: string, blobs: number) => {
    await newVersion(uid);
    await commit(
      uid,
      Array.from({ length: 10 }, (_, id) => row(id, blobs + id)),
    );
    await finish(uid);
  };

  describe('schema', () => {
    it('is made once: a second time is an error and changes nothing', async () => {
      await whole('v1', 100);
      await expect(meta.initialize()).rejects.toMatchObject({ exitCode: 100 });
      expect(await rowsOf('v1')).toHaveLength(10);
    });
  });

  describe('versions', () => {
    it('start invalid, with their tags, dated now', async () => {
      await meta.createVersion({
        uid: 'v1',
        name: 'ü|"x',
        snapshotName: 's',
        size: 10,
        sizeBytes: 950,
        expire: new Date('2030-01-02T03:04:05Z'),
        tags: ['b', 'a'],
      });
      expect(await meta.findVersion('v1')).toEqual({
        uid: 'v1',
        date: NOW,
        name: 'ü|"x',
        snapshotName: 's',
        size: 10,
        sizeBytes: 950,
        valid: false,
        protected: false,
        expire: new Date('2030-01-02T03:04:05Z'),
        tags: ['a', 'b'],
      });
      expect(await meta.findVersion('v2')).toBeUndefined();
    });

    it('are listed by name, then date, and filtered', async () => {
      await newVersion('v1', 'b', ['t']);
      fixture.setNow(new Date(NOW.getTime() - 1000));
      await newVersion('v2', 'b');
      await newVersion('v3', 'a', ['t', 'u']);
      const uids = async (filter: Parameters<MetaStore['listVersions']>[0]) =>
        (await meta.listVersions(filter)).map(({ uid }) => uid);
      expect(await uids({})).toEqual(['v3', 'v2', 'v1']);
      expect(await uids({ name: 'b' })).toEqual(['v2', 'v1']);
      expect(await uids({ tag: 't' })).toEqual(['v3', 'v1']);
      expect(await uids({ snapshotName: 'x' })).toEqual([]);
      await meta.setExpire('v1', new Date(NOW.getTime() - 1));
      expect(await uids({ expiredAt: NOW })).toEqual(['v1']);
      await meta.setExpire('v1', null);
      expect(await uids({ expiredAt: NOW })).toEqual([]);
    });

    it('keep each tag once, and lose them without complaint', async () => {
      await newVersion('v1');
      await meta.addTags('v1', ['a', 'b']);
      await meta.addTags('v1', ['b', 'c']);
      await meta.removeTags('v1', ['a', 'nope']);
      expect((await meta.findVersion('v1'))?.tags).toEqual(['b', 'c']);
    });

    it('go with their rows and tags, and leave each blob once as a candidate', async () => {
      await newVersion('v1', 'vm', ['t']);
      await commit('v1', [row(0, 1), row(1, 1), row(2, 2)], [{ first: 3, count: 7 }]);
      expect(await meta.removeVersion('v1', () => {})).toBe(10);
      expect(await meta.findVersion('v1')).toBeUndefined();
      expect(await rowsOf('v1')).toEqual([]);
      expect((await meta.doomCandidates(0, 10, '')).sort()).toEqual([uidOf(1), uidOf(2)]);
    });
  });

  describe('a backup', () => {
    it('commits rows and zeros, the last block short', async () => {
      await newVersion('v1');
      await commit('v1', [row(0, 1)], [{ first: 1, count: 9 }]);
      const rows = await rowsOf('v1');
      expect(rows).toHaveLength(10);
      expect(rows[0]).toEqual({ ...row(0, 1), valid: true, found: undefined });
      expect(rows[9]).toMatchObject({ id: 9, uid: null, checksum: null, size: 50, valid: true });
      expect(await meta.countBlocks('v1')).toBe(10);
      expect(await meta.presentBlocks('v1', { first: 0, count: 10 })).toEqual([{ first: 0, count: 10 }]);
    });

    it('finds blobs by content, unless they are invalid, of other encryption or doomed', async () => {
      await whole('v1', 100);
      const key = { checksum: sumOf(103), size: 100 };
      const found = async (encVersion = 0) =>
        (await meta.findBlobs([key, { checksum: 'x', size: 1 }], encVersion)).get(dedupKey(key));
      expect(await found()).toEqual({ uid: uidOf(103), envKey: null, nonce: null });
      expect(await found(1)).toBeUndefined();
      expect((await meta.findBlobs([{ checksum: sumOf(103), size: 50 }], 0)).size).toBe(0);
      await meta.markBlockInvalid(uidOf(103), sumOf(103));
      expect(await found()).toBeUndefined();
    });

    it('refuses a found blob that no row names, and one that is doomed, and takes it otherwise', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      expect((await commit('v2', [row(0, 100, true), row(1, 7, true)])).refused).toEqual([row(1, 7, true)]);
      await meta.removeVersion('v1', () => {});
      // v2 names blob 100 still; all others can be doomed.
      const doomed = await meta.doomCandidates(0, 100, '');
      expect(doomed).toHaveLength(9);
      expect(doomed).not.toContain(uidOf(100));
      expect((await commit('v2', [row(2, 101, true)])).refused).toHaveLength(1);
      expect((await rowsOf('v2')).map(({ id }) => id)).toEqual([0]);
    });

    it('refuses a found blob that is doomed although a row names it, as a program without this protocol may have done', async () => {
      await whole('v1', 100);
      await meta.removeVersion('v1', () => {});
      expect(await meta.doomCandidates(0, 100, '')).toContain(uidOf(101));
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
      await meta.markBlockInvalid(uidOf(104), sumOf(104));
      await newVersion('v2');
      const piece = await meta.takeOver({
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
      expect(await meta.presentBlocks('v2', { first: 0, count: 10 })).toEqual([
        { first: 1, count: 2 },
        { first: 5, count: 5 },
      ]);
      expect((await meta.savedCounters('v2'))?.blocksDedup).toBe(7);
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
      expect((await meta.takeOver(order)).blocks).toBe(1);
    });

    it('discards what a continued backup must make anew', async () => {
      await whole('v1', 100);
      await meta.markBlockInvalid(uidOf(104), sumOf(104));
      expect(await meta.discardBadBlocks('v1', GEOMETRY)).toBe(1);
      expect(await meta.presentBlocks('v1', { first: 0, count: 10 })).toEqual([
        { first: 0, count: 4 },
        { first: 5, count: 5 },
      ]);
      expect(await meta.doomCandidates(0, 10, '')).toEqual([uidOf(104)]);
    });

    it('is valid, and its counters forgotten, only once it is finished', async () => {
      await newVersion('v1');
      await commit('v1', [], [{ first: 0, count: 10 }]);
      expect(await meta.savedCounters('v1')).toEqual(NO_COUNTS);
      expect((await meta.findVersion('v1'))?.valid).toBe(false);
      await finish('v1');
      expect((await meta.findVersion('v1'))?.valid).toBe(true);
      expect(await meta.savedCounters('v1')).toBeUndefined();
    });
  });

  it('never calls a backup valid that lacks a block', async () => {
    await newVersion('v1');
    await commit('v1', [], [{ first: 0, count: 9 }]);
    await expect(finish('v1')).rejects.toThrow('has 9 of 10 blocks');
    expect((await meta.findVersion('v1'))?.valid).toBe(false);
  });

  describe('rows with ids that no block has', () => {
    const DAMAGED = [row(-127, 7), ...[0, 1, 2, 3, 4, 5, 6, 8].map((id) => row(id, id)), row(10, 9)];

    it('are counted, and named', async () => {
      await whole('v1', 100);
      expect(await meta.checkIds('v1', 10)).toEqual({ fitting: 10, stray: 0, examples: [] });
      await newVersion('v2');
      await commit('v2', DAMAGED);
      expect(await meta.checkIds('v2', 10)).toEqual({ fitting: 8, stray: 2, examples: ['-127', '10'] });
      expect((await meta.checkIds('v2', 4)).examples).toEqual(['-127', '4', '5']);
    });

    it('never make a version valid, nor are they taken over', async () => {
      await newVersion('v1');
      await commit('v1', DAMAGED);
      await expect(finish('v1')).rejects.toThrow('has 8 of 10 blocks');
      await newVersion('v2');
      await meta.takeOver({
        ...{ baseUid: 'v1', ranges: [{ first: 0, count: 10 }], geometry: GEOMETRY },
        ...{ versionUid: 'v2', counters: () => NO_COUNTS, onCopied: () => {} },
      });
      expect((await rowsOf('v2')).map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 8]);
      expect(await meta.discardBadBlocks('v1', GEOMETRY)).toBe(2);
      await commit('v1', [row(7, 7), row(9, 9)]);
      await finish('v1');
    });

    it('go with their version', async () => {
      await newVersion('v1');
      await commit('v1', DAMAGED);
      expect(await meta.removeVersion('v1', () => {})).toBe(10);
      expect(await meta.countBlocks('v1')).toBe(0);
    });
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
      expect((await meta.markBlockInvalid(uidOf(105), sumOf(105))).sort()).toEqual(['v1', 'v2']);
      const valid = async () => (await meta.listVersions({})).filter((version) => version.valid).map(({ uid }) => uid);
      expect(await valid()).toEqual(['v3']);
      await meta.setVersionValid('v1');
      expect((await valid()).sort()).toEqual(['v1', 'v3']);
      expect((await rowsOf('v1')).every((block: BlockRow) => block.valid)).toBe(true);
    });
  });

  describe('cleanup', () => {
    it('drops candidates in use, dooms the old ones in batches by prefix, and forgets what is gone', async () => {
      await whole('v1', 100);
      await newVersion('v2');
      await commit('v2', [row(0, 100, true)]);
      await meta.removeVersion('v1', () => {});
      expect(await meta.dropUsedCandidates(1000)).toBe(0);
      expect(await meta.doomCandidates(1000, 10, '')).toEqual([]);
      await fixture.ageCandidates(999);
      expect(await meta.dropUsedCandidates(3000)).toBe(0);
      expect(await meta.dropUsedCandidates(999)).toBe(9);
      expect(await meta.doomCandidates(3000, 10, '')).toEqual([]);
      expect(await meta.doomCandidates(0, 10, uidOf(103).slice(0, 10))).toEqual([uidOf(103)]);
      expect(await meta.doomCandidates(0, 3, '')).toHaveLength(3);
      expect(await meta.leftDoomed(10)).toHaveLength(4);
      await meta.forgetDoomed(await meta.leftDoomed(10));
      expect(await meta.leftDoomed(10)).toEqual([]);
      expect(await meta.doomCandidates(0, 10, '')).toHaveLength(5);
    });

    it('dates candidates from the future now, and no others', async () => {
      await whole('v1', 100);
      await meta.removeVersion('v1', () => {});
      expect(await meta.redateFutureCandidates()).toEqual({ count: 0, aheadSeconds: 0 });
      await fixture.ageCandidates(5000);
      await whole('v2', 200);
      await meta.removeVersion('v2', () => {});
      await fixture.ageCandidates(-4000);
      expect(await meta.doomCandidates(0, 100, '')).toHaveLength(10);
      const { count, aheadSeconds } = await meta.redateFutureCandidates();
      expect(count).toBe(10);
      expect(aheadSeconds).toBeGreaterThan(3900);
      expect(aheadSeconds).toBeLessThanOrEqual(4000);
      expect(await meta.doomCandidates(0, 100, '')).toHaveLength(10);
    });

    it('tells which of many uids no row names', async () => {
      await whole('v1', 100);
      expect(await meta.unnamed([uidOf(100), uidOf(5), uidOf(109)])).toEqual([uidOf(5)]);
      await meta.verifyUidIndex(new AbortController().signal);
    });

    it('tells which of many uids are candidates, or doomed', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      await meta.removeVersion('v1', () => {});
      expect(await meta.candidatesAmong([uidOf(200), uidOf(5), uidOf(103), uidOf(101)])).toEqual([uidOf(103), uidOf(101)]);
      await meta.doomCandidates(Number.MAX_SAFE_INTEGER, 100, '');
      expect(await meta.candidatesAmong([uidOf(200), uidOf(5), uidOf(103)])).toEqual([uidOf(103)]);
    });

    it('counts full cleanups, for other stores of the same database too', async () => {
      const other = fixture.store();
      await other.open();
      const before = await other.fullCleanups();
      await meta.countFullCleanup();
      await meta.countFullCleanup();
      expect(await other.fullCleanups()).toBe(before + 2);
      await other.close();
    });
  });

  describe('an import', () => {
    const version: Version = {
      uid: 'v9',
      date: NOW,
      name: 'n',
      snapshotName: '',
      size: 2,
      sizeBytes: 150,
      valid: true,
      protected: true,
      expire: null,
    };
    async function* rows(count: number, failAfter = count): AsyncIterable<DatedBlockRow> {
      for (let id = 0; id < count; id++) {
        if (id === failAfter) throw new Error('broken line');
        yield {
          id,
          uid: uidOf(id),
          checksum: sumOf(id),
          size: 100 - id * 50,
          valid: true,
          encVersion: 0,
          envKey: null,
          nonce: null,
          date: NOW,
        };
      }
    }

    it('comes in whole', async () => {
      expect(await meta.importVersion(version, rows(2))).toBe(0);
      expect(await meta.findVersion('v9')).toEqual({ ...version, tags: [] });
      expect(await meta.datedBlockPage('v9', -1, 10)).toHaveLength(2);
    });

    it('leaves nothing when its rows break off, and can be made again', async () => {
      await expect(meta.importVersion(version, rows(2, 1))).rejects.toThrow('broken line');
      expect(await meta.findVersion('v9')).toBeUndefined();
      expect(await rowsOf('v9')).toEqual([]);
      await meta.importVersion(version, rows(2));
      await expect(meta.importVersion(version, rows(2))).rejects.toMatchObject({ code: 'versionExists' });
    });

    it('comes in invalid when that is found out by its last row', async () => {
      let read = 0;
      async function* counted() {
        for await (const imported of rows(2)) {
          read++;
          yield imported;
        }
      }
      await meta.importVersion(version, counted(), () => read < 2);
      expect(await meta.findVersion('v9')).toMatchObject({ valid: false });
    });

    const contentOf = (id: number) => ({ checksum: sumOf(id), size: 100 - id * 50, encVersion: 0, envKey: null, nonce: null });
    const found = async (id: number) => [...(await meta.findBlobs([contentOf(id)], 0)).values()][0];

    it('leaves blobs that dedup must not believe in, until they were found good', async () => {
      await meta.importVersion(version, rows(2));
      expect(await found(0)).toEqual({ uid: uidOf(0), envKey: null, nonce: null, imported: true });
      await meta.recordChecks([{ uid: uidOf(0), good: true }], 1);
      await meta.recordChecks([{ uid: uidOf(0), good: false, content: contentOf(0) }], 1);
      await meta.recordChecks([{ uid: uidOf(0), good: true, content: { ...contentOf(0), checksum: sumOf(1) } }], 1);
      expect(await found(0)).toMatchObject({ imported: true });
      await meta.recordChecks([{ uid: uidOf(0), good: true, content: contentOf(0) }], 1);
      expect(await found(0)).toEqual({ uid: uidOf(0), envKey: null, nonce: null });
      expect(await found(1)).toMatchObject({ imported: true });
    });

    it('changes nothing about blobs that a row had with just this content, and doubts those with another key', async () => {
      const known = (id: number, envKey: string | null): BackupRow => ({
        id,
        uid: uidOf(id),
        ...contentOf(id),
        envKey,
        found: false,
      });
      await meta.createVersion({ uid: 'v1', name: 'n', snapshotName: '', size: 2, sizeBytes: 150, expire: null, tags: [] });
      await commit('v1', [known(0, null), known(1, 'aa')]);
      await meta.importVersion(version, rows(2));
      expect(await found(0)).not.toHaveProperty('imported');
      expect(await found(1)).toMatchObject({ imported: true });
      // One of the two rows was verified, the other one was not.
      await meta.recordChecks([{ uid: uidOf(1), good: true, content: contentOf(1) }], 1);
      expect(await found(1)).toMatchObject({ imported: true });
    });
  });

  describe('reports', () => {
    it('list the statistics of backups, the newest of them, or those of one version', async () => {
      for (const [i, uid] of ['v1', 'v2', 'v3'].entries()) await whole(uid, 100 * i);
      const uids = async (filter: Parameters<MetaStore['listStats']>[0]) =>
        (await meta.listStats(filter)).map(({ versionUid }) => versionUid);
      expect(await uids({})).toEqual(['v1', 'v2', 'v3']);
      expect(await uids({ limit: 2 })).toEqual(['v2', 'v3']);
      expect(await uids({ limit: 0 })).toEqual([]);
      expect(await uids({ versionUid: 'v2', limit: 5 })).toEqual(['v2']);
      expect(await uids({ versionUid: 'v9' })).toEqual([]);
      const [first] = await meta.listStats({ versionUid: 'v1' });
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
      const told: number[] = [];
      const both = await meta.diskUsage(['v1', 'v2'], () => told.push(0));
      expect(told).toHaveLength(2);
      expect(both).toMatchObject([v1, v2]);
      for (const [i, { estimated }] of both.entries()) expect(estimated).toBeCloseTo(estimates[i] ?? 0, 9);
      expect(await meta.diskUsage(['v2'], () => {})).toEqual([both[1]]);
      expect(await meta.diskUsage([], () => {})).toEqual([]);
      expect(await meta.diskUsage(['v9'], () => {})).toMatchObject([{ real: 0, sparse: 0, estimated: 0, freed: 0 }]);
    });

    it('stop counting when they are told to', async () => {
      await whole('v1', 100);
      await whole('v2', 200);
      let asked = 0;
      const stopAtSecond = () => {
        if (++asked === 2) throw new Error('stopped');
      };
      await expect(meta.diskUsage(['v1', 'v2', 'v1'], stopAtSecond)).rejects.toThrow('stopped');
      expect(asked).toBe(2);
      expect(await meta.diskUsage(['v1', 'v2'], () => {})).toHaveLength(2);
    });

    it('give the blobs of blocks in pages', async () => {
      await newVersion('v1');
      await commit('v1', [row(3, 7), row(9, 8)], [{ first: 4, count: 5 }]);
      expect(await meta.blobPage('v1', -1, 2)).toEqual([
        { id: 3, uid: uidOf(7) },
        { id: 4, uid: null },
      ]);
      expect(await meta.blobPage('v1', 7, 10)).toEqual([
        { id: 8, uid: null },
        { id: 9, uid: uidOf(8) },
      ]);
      expect(await meta.blobPage('v1', 9, 10)).toEqual([]);
    });
  });

  describe('encryption', () => {
    const sealed = (id: number, envKey: string): BackupRow => ({ ...row(id, 500 + id), encVersion: 1, envKey, nonce: 'ab' });
    const keysOf = async (uid: string) => (await rowsOf(uid)).map(({ envKey }) => envKey);
    const version = async (uid: string) => {
      const found = await meta.findVersion(uid);
      if (found === undefined) throw new Error('no version');
      return found;
    };
    const mixed = async () => {
      await newVersion('v1');
      const rows = [row(0, 1), sealed(1, 'k1'), sealed(2, 'k2'), sealed(3, 'k1'), sealed(4, '')];
      await commit('v1', rows, [{ first: 5, count: 5 }]);
    };

    it('shows different wrapped keys of a version and of the database, and none where nothing is encrypted', async () => {
      await whole('v0', 100);
      expect(await meta.sealedBlocks(await version('v0'), 9)).toEqual([]);
      expect(await meta.sampleSealedBlocks(9)).toEqual([]);
      await mixed();
      const both = [
        { encVersion: 1, envKey: 'k1' },
        { encVersion: 1, envKey: 'k2' },
      ];
      expect(await meta.sealedBlocks(await version('v1'), 9)).toEqual(both);
      expect(await meta.sampleSealedBlocks(9)).toEqual(both);
      expect(await meta.sampleSealedBlocks(1)).toHaveLength(1);
    });

    it('rewraps all keys or, after a throw, none, and counts the rows', async () => {
      await mixed();
      const before = await rowsOf('v1');
      const failing = { rewrap: (block: { id: number }) => refuse(block.id === 3), onProgress: () => {} };
      await expect(meta.rewrapKeys(failing)).rejects.toThrow('refused');
      expect(await rowsOf('v1')).toEqual(before);
      const rewrap = ({ envKey }: { envKey: string }) => (envKey === '' ? undefined : `new ${envKey}`);
      expect(await meta.rewrapKeys({ rewrap, onProgress: () => {} })).toEqual({ rewrapped: 3, left: 1, sparse: 5, plain: 1 });
      expect((await keysOf('v1')).slice(0, 5)).toEqual([null, 'new k1', 'new k2', 'new k1', '']);
    });

    it('finds the unfinished migration of a version to an encryption version, until it is finished or removed', async () => {
      const migration = { originUid: 'v0', encVersion: 1 };
      const make = (uid: string) =>
        meta.createVersion({ uid, name: 'vm', snapshotName: '', size: 10, sizeBytes: 950, expire: null, tags: [], migration });
      expect(await meta.findMigration(migration)).toBeUndefined();
      await make('v1');
      expect(await meta.findMigration(migration)).toBe('v1');
      expect(await meta.findMigration({ ...migration, encVersion: 0 })).toBeUndefined();
      expect(await meta.findMigration({ ...migration, originUid: 'v2' })).toBeUndefined();
      await commit('v1', [], [{ first: 0, count: 10 }]);
      expect(await meta.finishBackup(await version('v1'), undefined)).toBe(true);
      expect((await version('v1')).valid).toBe(true);
      await meta.setVersionInvalid('v1');
      expect(await meta.findMigration(migration)).toBeUndefined();
      await make('v2');
      await meta.removeVersion('v2', () => {});
      expect(await meta.findMigration(migration)).toBeUndefined();
    });
  });

  it('gives two stores of one database their turns', async () => {
    const other = fixture.store();
    await other.open();
    const make = async (store: MetaStore, prefix: string) => {
      for (let i = 0; i < 50; i++) {
        await store.createVersion({
          uid: `${prefix}${i}`,
          name: 'vm',
          snapshotName: '',
          size: 0,
          sizeBytes: 0,
          expire: null,
          tags: ['t'],
        });
      }
    };
    await Promise.all([make(meta, 'a'), make(other, 'b')]);
    expect(await other.listVersions({})).toHaveLength(100);
    await other.close();
  });
}
