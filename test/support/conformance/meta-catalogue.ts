import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { CatalogueLedger } from '../stores/catalogue-ledger.ts';
import { TWIN_STEPS, TwinStores } from '../stores/twin-stores.ts';
import { MetaLab, type MetaStoreFixture, NOW, row } from './meta-lab.ts';
import { sumOf, uidOf } from './numbered-blobs.ts';

const GEOMETRY = { blockSize: 100, sizeBytes: 120_000 };

/** How the suite is run. */
interface CatalogueSuiteOptions {
  /** Random histories of a store. */
  histories: number;
  /** The clock that dates candidates, in Unix seconds. */
  seconds(): number;
}

/** CatalogueStore: what every implementation MUST do. Each fixture MUST be a new database. */
export function metaCatalogueSuite(create: () => Promise<MetaStoreFixture>, { histories, seconds }: CatalogueSuiteOptions): void {
  const lab = new MetaLab(create);
  const changesOf = async (uid: string) => (await lab.meta.catalogueChanges(uid))?.changes;
  const settle = async (uid: string, folder = 'f') => {
    const { changes = 0 } = (await lab.meta.catalogueChanges(uid)) ?? {};
    return lab.meta.settleManifest({ versionUid: uid, changes, folder });
  };
  /** A tracked version of 1,200 blocks, with blobs from number `blobs` on. */
  const large = async (uid: string, blobs: number, found = false) => {
    await lab.meta.createVersion({ uid, name: 'vm', snapshotName: '', size: 1_200, sizeBytes: 120_000, expire: null, tags: [] });
    await lab.meta.trackVersions([uid]);
    const rows = Array.from({ length: 1_200 }, (_, id) => ({ ...row(id, blobs + id, found), size: 100 }));
    await lab.meta.commitGroup(uid, { rows, sparse: [], counters: () => NO_COUNTS }, GEOMETRY);
    await lab.finish(uid);
    await settle(uid);
  };

  describe('the catalogue', () => {
    it('knows nothing of versions that are not tracked', async () => {
      await lab.whole('v1', 1);
      await lab.meta.setProtected('v1', true);
      await lab.meta.markBlobsInvalid([{ uid: uidOf(1), checksum: sumOf(1) }]);
      await lab.meta.markManifestStale('v1');
      expect(await lab.meta.catalogueChanges('v1')).toBeUndefined();
      expect(await settle('v1')).toBe(false);
      expect(await lab.meta.staleVersions()).toEqual([]);
      expect(await lab.meta.writtenManifests()).toEqual([]);
      expect(await lab.meta.versionsBeforeManifest()).toEqual(['v1']);
      await lab.meta.trackVersions(['none']);
      expect(await lab.meta.catalogueChanges('none')).toBeUndefined();
      await lab.meta.removeVersion('v1', () => {});
      expect(await lab.meta.removedManifests()).toEqual([]);
    });

    it('begins with all leaves of a version that has blocks, and with none of a new one', async () => {
      await lab.whole('v2', 11, 'b');
      await lab.whole('v1', 1, 'a');
      await lab.newVersion('new', 'c');
      expect(await lab.meta.versionsWithoutManifest()).toEqual(['v1', 'v2']);
      await lab.meta.trackVersions(['v2', 'new']);
      await lab.meta.trackVersions(['v2', 'new']);
      expect(await lab.meta.catalogueChanges('v2')).toEqual({ changes: 1, written: 0, leaves: 'all' });
      expect(await lab.meta.catalogueChanges('new')).toEqual({ changes: 1, written: 0, leaves: [] });
      expect(await lab.meta.staleVersions()).toEqual(['v2']);
      expect(await lab.meta.versionsBeforeManifest()).toEqual(['new']);
      await lab.meta.settleManifest({ versionUid: 'new', changes: -1, folder: 'f' });
      expect(await lab.meta.versionsBeforeManifest()).toEqual([]);
      expect(await lab.meta.versionsWithoutManifest()).toEqual(['v1', 'v2']);
      expect(await settle('v2')).toBe(true);
      expect(await lab.meta.catalogueChanges('v2')).toEqual({ changes: 1, written: 1, leaves: [] });
      expect(await lab.meta.versionsWithoutManifest()).toEqual(['v1']);
      expect(await lab.meta.staleVersions()).toEqual(['new']);
      expect(await lab.meta.writtenManifests()).toEqual([{ versionUid: 'v2', name: 'b', folder: 'f', written: 1 }]);
    });

    it('counts each change of a version, and no change of others', async () => {
      await large('v1', 1);
      await large('v2', 5_000);
      const { meta } = lab;
      const changes: [string, () => Promise<unknown>][] = [
        ['protected', () => meta.setProtected('v1', true)],
        ['expire', () => meta.setExpire('v1', NOW)],
        ['tags added', () => meta.addTags('v1', ['t'])],
        ['tags removed', () => meta.removeTags('v1', ['t'])],
        ['invalid', () => meta.setVersionInvalid('v1')],
        ['validated', () => meta.validateWhole(['v1'])],
        ['invalid again', () => meta.setVersionInvalid('v1')],
        ['valid', () => meta.setVersionValid('v1')],
        ['from outside', () => meta.markManifestStale('v1')],
      ];
      for (const [what, change] of changes) {
        const before = await changesOf('v1');
        await change();
        expect([what, await changesOf('v1')]).not.toEqual([what, before]);
        expect(await meta.staleVersions()).toEqual(['v1']);
        expect((await meta.catalogueChanges('v1'))?.leaves).toEqual(what === 'from outside' ? 'all' : []);
        expect(await settle('v1')).toBe(true);
      }
      expect(await changesOf('v2')).toBe(1);
    });

    it('names the leaves whose blocks were marked, healed or discarded, in all versions', async () => {
      await large('v1', 1);
      await large('v2', 1, true);
      await large('v3', 5_000);
      const leaves = async () => {
        const stale = await lab.meta.staleVersions();
        return Promise.all(stale.map(async (uid) => [uid, (await lab.meta.catalogueChanges(uid))?.leaves]));
      };
      const both = (...numbers: number[]) => [
        ['v1', numbers],
        ['v2', numbers],
      ];
      const bad = (id: number) => lab.meta.markBlobsInvalid([{ uid: uidOf(1 + id), checksum: sumOf(1 + id) }]);
      await bad(499);
      await bad(1_000);
      expect(await leaves()).toEqual(both(0, 2));
      for (const uid of ['v1', 'v2']) await settle(uid);
      await bad(499);
      expect(await leaves()).toEqual([]);
      const blob = { uid: uidOf(9_000), checksum: sumOf(500), size: 100, encVersion: 0, envKey: null, nonce: null };
      expect((await lab.meta.heal([blob])).blocks).toBe(2);
      expect(await leaves()).toEqual(both(0));
      for (const uid of ['v1', 'v2']) await settle(uid);
      expect(await lab.meta.discardBadBlocks('v1', GEOMETRY)).toBe(1);
      expect(await leaves()).toEqual([['v1', [2]]]);
      const again = { ...row(1_000, 9_001), checksum: sumOf(1_001), size: 100 };
      await settle('v1');
      await lab.meta.commitGroup('v1', { rows: [again], sparse: [], heals: true, counters: () => NO_COUNTS }, GEOMETRY);
      expect(await leaves()).toEqual([['v2', [2]]]);
    });

    it('settles a version only if it has not changed since', async () => {
      await lab.whole('v1', 1);
      await lab.meta.trackVersions(['v1']);
      expect(await lab.meta.settleManifest({ versionUid: 'v1', changes: -1, folder: 'place' })).toBe(false);
      expect(await lab.meta.writtenManifests()).toEqual([]);
      await lab.meta.setVersionInvalid('v1');
      // It may have a manifest.
      expect(await lab.meta.staleVersions()).toEqual(['v1']);
      expect(await lab.meta.settleManifest({ versionUid: 'v1', changes: 1, folder: 'place' })).toBe(false);
      expect(await lab.meta.catalogueChanges('v1')).toEqual({ changes: 2, written: 0, leaves: 'all' });
      expect(await lab.meta.settleManifest({ versionUid: 'v1', changes: 2, folder: 'place' })).toBe(true);
    });

    it('records the removal of a version that may have a manifest, until that is forgotten', async () => {
      for (const [i, uid] of ['v1', 'v2', 'v3'].entries()) await lab.whole(uid, 1 + 100 * i, `name of ${uid}`);
      await lab.meta.trackVersions(['v1', 'v2', 'v3']);
      await settle('v1', 'f1');
      await lab.meta.settleManifest({ versionUid: 'v2', changes: -1, folder: 'f2' });
      for (const uid of ['v1', 'v2', 'v3']) await lab.meta.removeVersion(uid, () => {});
      const removed = await lab.meta.removedManifests();
      expect(removed.map(({ removed: _, ...rest }) => rest).sort((a, b) => (a.folder < b.folder ? -1 : 1))).toEqual([
        { versionUid: 'v1', name: 'name of v1', folder: 'f1', isMarked: false },
        { versionUid: 'v2', name: 'name of v2', folder: 'f2', isMarked: false },
      ]);
      for (const { removed: time } of removed) expect(Math.abs(time - seconds())).toBeLessThan(10);
      expect(await settle('v1', 'f1')).toBe(false);
      await lab.meta.settleRemovals(['v1', 'none']);
      expect((await lab.meta.removedManifests()).map(({ isMarked }) => isMarked).sort()).toEqual([false, true]);
      await lab.meta.forgetManifests(['v1', 'v2']);
      expect(await lab.meta.removedManifests()).toEqual([]);
    });

    it('takes an imported version as new, also after its removal', async () => {
      await lab.whole('v1', 1);
      await lab.meta.trackVersions(['v1']);
      await settle('v1');
      const version = await lab.meta.findVersion('v1');
      const rows = await lab.meta.datedBlockPage('v1', -1, 100);
      if (version === undefined) throw new Error('no version');
      await lab.meta.removeVersion('v1', () => {});
      expect(await lab.meta.removedManifests()).toHaveLength(1);
      await lab.meta.importVersion(version, iterate(rows));
      expect(await lab.meta.removedManifests()).toEqual([]);
      expect(await lab.meta.catalogueChanges('v1')).toMatchObject({ written: 0, leaves: 'all' });
      expect(await lab.meta.staleVersions()).toEqual(['v1']);
      await lab.meta.forgetManifests(['v1']);
      expect(await lab.meta.staleVersions()).toEqual(['v1']);
    });

    it('takes removals over that another database has recorded', async () => {
      await lab.whole('v1', 1);
      const removal = { name: "it's", folder: 'f', removed: 1_234, isMarked: true };
      const later = { ...removal, versionUid: 'v3', removed: 1_235, isMarked: false };
      await lab.meta.recordRemovals([later, { ...removal, versionUid: 'v1' }, { ...removal, versionUid: 'v2' }]);
      await lab.meta.recordRemovals([later]);
      await lab.meta.recordRemovals([]);
      expect(await lab.meta.removedManifests()).toEqual([{ ...removal, versionUid: 'v2' }, later]);
    });

    it('covers a removal that was cut short', async () => {
      await large('v1', 1);
      const stop = () => {
        throw new Error('stopped');
      };
      await expect(lab.meta.removeVersion('v1', stop)).rejects.toThrow('stopped');
      if ((await lab.meta.findVersion('v1')) === undefined) return;
      expect(await lab.meta.staleVersions()).toEqual(['v1']);
      const isWhole = (await lab.meta.countBlocks('v1')) === 1_200;
      expect((await lab.meta.catalogueChanges('v1'))?.leaves).toEqual(isWhole ? [] : 'all');
    });
  });

  it('whatever happens, the marks of the catalogue cover every difference', { timeout: 200_000 }, async () => {
    const step = fc.record({ kind: fc.constantFrom(...TWIN_STEPS), seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 20, size: 'max' }), async (steps) => {
        const fixture = await create();
        const meta: MetaStore = fixture.store();
        await meta.initialize(fixture.layout);
        await meta.open();
        const ledger = new CatalogueLedger(meta);
        const twins = new TwinStores(ledger.store);
        for (const { kind, seed } of [{ kind: 'backup' as const, seed: 1 }, ...steps]) {
          await twins.step(kind, seed);
          await ledger.check(kind);
        }
        await meta.close();
        await fixture.dispose();
      }),
      { numRuns: histories, endOnFailure: true },
    );
  });
}

async function* iterate<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}
