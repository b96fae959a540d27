import { describe, expect, it } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { type MetaLab, NOW, row } from './meta-lab.ts';
import { uidOf } from './numbered-blobs.ts';

/** VersionStore, and how databases are made and shared: what every implementation MUST do. */
export function metaVersionsSuite(lab: MetaLab): void {
  const { newVersion, commit, rowsOf, whole } = lab;

  describe('schema', () => {
    it('is made once: a second time is an error and changes nothing', async () => {
      await whole('v1', 100);
      await expect(lab.meta.initialize()).rejects.toMatchObject({ exitCode: 100 });
      expect(await rowsOf('v1')).toHaveLength(10);
    });
  });

  describe('versions', () => {
    it('start invalid, with their tags, dated now', async () => {
      await lab.meta.createVersion({
        uid: 'v1',
        name: 'ü|"x',
        snapshotName: 's',
        size: 10,
        sizeBytes: 950,
        expire: new Date('2030-01-02T03:04:05Z'),
        tags: ['b', 'a'],
      });
      expect(await lab.meta.findVersion('v1')).toEqual({
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
      expect(await lab.meta.findVersion('v2')).toBeUndefined();
    });

    it('are listed by name, then date, and filtered', async () => {
      await newVersion('v1', 'b', ['t']);
      lab.fixture.setNow(new Date(NOW.getTime() - 1000));
      await newVersion('v2', 'b');
      await newVersion('v3', 'a', ['t', 'u']);
      const uids = async (filter: Parameters<MetaStore['listVersions']>[0]) =>
        (await lab.meta.listVersions(filter)).map(({ uid }) => uid);
      expect(await uids({})).toEqual(['v3', 'v2', 'v1']);
      expect(await uids({ name: 'b' })).toEqual(['v2', 'v1']);
      expect(await uids({ tag: 't' })).toEqual(['v3', 'v1']);
      expect(await uids({ snapshotName: 'x' })).toEqual([]);
      await lab.meta.setExpire('v1', new Date(NOW.getTime() - 1));
      expect(await uids({ expiredAt: NOW })).toEqual(['v1']);
      await lab.meta.setExpire('v1', null);
      expect(await uids({ expiredAt: NOW })).toEqual([]);
    });

    it('are found by name: the newest valid one until a time, else the newest later one', async () => {
      const inDays = (days: number) => new Date(NOW.getTime() + days * 86_400_000);
      for (const [uid, days] of Object.entries({
        'v-old': -2,
        'v-A': 0,
        'v-a': 0,
        'v-invalid': 0.1,
        'v-ahead': 2,
        'v-later': 3,
      })) {
        lab.fixture.setNow(inDays(days));
        await newVersion(uid, 'vm', ['t', 'u']);
        if (uid !== 'v-invalid') await lab.meta.setVersionValid(uid);
      }
      await newVersion('v-other', 'VM');
      const found = async (days: number) => (await lab.meta.findNewest('vm', inDays(days)))?.uid;
      expect([await found(1), await found(0), await found(2), await found(-1)]).toEqual(['v-a', 'v-a', 'v-ahead', 'v-old']);
      expect(await found(-3)).toBe('v-later');
      expect((await lab.meta.findNewest('vm', NOW))?.tags).toEqual(['t', 'u']);
      expect(await lab.meta.findNewest('VM', NOW)).toBeUndefined();
      const later = await lab.meta.listVersions({ name: 'vm', datedAfter: NOW });
      expect(later.map(({ uid }) => uid)).toEqual(['v-invalid', 'v-ahead', 'v-later']);
    });

    it('are listed by uid when name and date are equal, and all texts by their bytes', async () => {
      for (const uid of ['v-b', 'v-a', 'v-C']) await newVersion(uid, 'vm', ['é', 'b', 'B']);
      await newVersion('v-d', 'VM');
      const versions = await lab.meta.listVersions({});
      expect(versions.map(({ uid }) => uid)).toEqual(['v-d', 'v-C', 'v-a', 'v-b']);
      expect(versions[1]?.tags).toEqual(['B', 'b', 'é']);
    });

    it('keep each tag once, and lose them without complaint', async () => {
      await newVersion('v1');
      await lab.meta.addTags('v1', ['a', 'b']);
      await lab.meta.addTags('v1', ['b', 'c']);
      await lab.meta.removeTags('v1', ['a', 'nope']);
      expect((await lab.meta.findVersion('v1'))?.tags).toEqual(['b', 'c']);
    });

    it('go with their rows and tags, and leave each blob once as a candidate', async () => {
      await newVersion('v1', 'vm', ['t']);
      await commit('v1', [row(0, 1), row(1, 1), row(2, 2)], [{ first: 3, count: 7 }]);
      expect(await lab.meta.removeVersion('v1', () => {})).toBe(10);
      expect(await lab.meta.findVersion('v1')).toBeUndefined();
      expect(await rowsOf('v1')).toEqual([]);
      expect((await lab.doom(0, 10, '')).sort()).toEqual([uidOf(1), uidOf(2)]);
    });
  });

  describe('names', () => {
    const names = async () => (await lab.meta.seenNames()).map(({ name }) => name).sort();
    const long = 'ü'.repeat(2048);

    it('are seen with the first valid version, since the oldest version then, however long they are', async () => {
      await newVersion('v0', long);
      expect(await names()).toEqual([]);
      lab.fixture.setNow(new Date(NOW.getTime() + 5000));
      await whole('v1', 100, long);
      await whole('v2', 200, long);
      expect(await lab.meta.seenNames()).toEqual([{ name: long, since: new Date(Math.floor(NOW.getTime() / 1000) * 1000) }]);
    });

    it('outlive their versions, unless the last one is removed to forget them', async () => {
      for (const [uid, first, name] of [
        ['v1', 100, 'a'],
        ['v2', 200, 'a'],
        ['v3', 300, 'b'],
      ] as const)
        await whole(uid, first, name);
      await newVersion('v4', 'c');
      await newVersion('v5', 'd');
      await lab.meta.removeVersion('v1', () => {}, 'forget');
      await lab.meta.removeVersion('v3', () => {});
      await lab.meta.removeVersion('v4', () => {}, 'keep');
      await lab.meta.removeVersion('v5', () => {});
      expect(await names()).toEqual(['a', 'b', 'c']);
      await lab.meta.removeVersion('v2', () => {}, 'forget');
      expect(await names()).toEqual(['b', 'c']);
      expect(await lab.meta.forgetName('b')).toBe(true);
      expect(await lab.meta.forgetName('b')).toBe(false);
      expect(await names()).toEqual(['c']);
    });
  });

  it('gives two stores of one database their turns', async () => {
    const other = lab.fixture.store();
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
    await Promise.all([make(lab.meta, 'a'), make(other, 'b')]);
    expect(await other.listVersions({})).toHaveLength(100);
    await other.close();
  });
}
