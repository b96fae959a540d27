import { describe, expect, it } from 'vitest';
import type { ImportOptions } from '../../../src/meta/transfer-store.ts';
import type { BackupRow, DatedBlockRow } from '../../../src/model/block.ts';
import type { Version } from '../../../src/model/version.ts';
import { type MetaLab, NOW } from './meta-lab.ts';
import { sumOf, uidOf } from './numbered-blobs.ts';

/** TransferStore: what every implementation MUST do. */
export function metaTransferSuite(lab: MetaLab): void {
  const { commit, rowsOf } = lab;

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
      expect(await lab.meta.importVersion(version, rows(2))).toEqual({ doomed: 0, mayLack: false, bad: 0 });
      expect(await lab.meta.findVersion('v9')).toEqual({ ...version, tags: [] });
      expect(await lab.meta.datedBlockPage('v9', -1, 10)).toHaveLength(2);
    });

    it('leaves nothing when its rows break off, and can be made again', async () => {
      await expect(lab.meta.importVersion(version, rows(2, 1))).rejects.toThrow('broken line');
      expect(await lab.meta.findVersion('v9')).toBeUndefined();
      expect(await rowsOf('v9')).toEqual([]);
      await lab.meta.importVersion(version, rows(2));
      await expect(lab.meta.importVersion(version, rows(2))).rejects.toMatchObject({ code: 'versionExists' });
    });

    it('comes in invalid when that is found out by its last row', async () => {
      let read = 0;
      async function* counted() {
        for await (const imported of rows(2)) {
          read++;
          yield imported;
        }
      }
      await lab.meta.importVersion(version, counted(), { isWhole: () => read < 2 });
      expect(await lab.meta.findVersion('v9')).toMatchObject({ valid: false });
    });

    it('comes in invalid when a cleanup deletes blobs while its rows come: they may be among them', async () => {
      async function* besideCleanup() {
        yield* rows(1);
        await lab.meta.forgetDoomed([uidOf(0)]);
      }
      expect(await lab.meta.importVersion({ ...version, size: 1 }, besideCleanup())).toEqual({
        doomed: 0,
        mayLack: true,
        bad: 0,
      });
      expect(await lab.meta.findVersion('v9')).toMatchObject({ valid: false });
    });

    describe('of all or nothing', () => {
      const whole = (from: AsyncIterable<DatedBlockRow>, more: Partial<ImportOptions> = {}) =>
        lab.meta.importVersion(version, from, { isTrusted: true, allOrNothing: true, ...more });
      /** Removes a version with the same blobs: they are candidates. */
      async function remove(): Promise<void> {
        await lab.meta.importVersion(version, rows(2), { isTrusted: true });
        await lab.meta.removeVersion('v9', () => {});
      }
      const isGone = async () => {
        expect(await lab.meta.findVersion('v9')).toBeUndefined();
        expect(await rowsOf('v9')).toEqual([]);
      };

      it('comes back with its tags, and no cleanup dooms its blobs from then on', async () => {
        await remove();
        expect(await whole(rows(2), { tags: ['b', 'a'] })).toEqual({ doomed: 0, mayLack: false, bad: 0 });
        expect(await lab.meta.findVersion('v9')).toEqual({ ...version, tags: ['a', 'b'] });
        expect(await lab.doom(0, 100, '')).toEqual([]);
      });

      it('is refused, with nothing changed, once one of its blobs is doomed', async () => {
        await remove();
        expect(await lab.doom(0, 1, '')).toHaveLength(1);
        await expect(whole(rows(2))).rejects.toMatchObject({ code: 'refused', data: { uid: 'v9' } });
        await isGone();
      });

      it('is refused if a cleanup deletes one of them while its rows come, before or after its own', async () => {
        for (const id of [0, 1]) {
          await remove();
          async function* besideCleanup() {
            for await (const one of rows(2)) {
              if (one.id === 1) {
                const uids = (await lab.doom(0, 100, '')).filter((uid) => uid === uidOf(id));
                await lab.meta.forgetDoomed(uids);
                await lab.meta.spareBlobs([uidOf(1 - id)]);
              }
              yield one;
            }
          }
          await expect(whole(besideCleanup())).rejects.toMatchObject({ code: 'refused' });
          await isGone();
        }
      });

      it('does not mind a cleanup that deletes others meanwhile', async () => {
        await remove();
        async function* besideCleanup() {
          yield* rows(1);
          await lab.meta.forgetDoomed([uidOf(7)]);
          for await (const one of rows(2)) if (one.id === 1) yield one;
        }
        expect(await whole(besideCleanup())).toEqual({ doomed: 0, mayLack: false, bad: 0 });
        expect(await lab.meta.findVersion('v9')).toMatchObject({ valid: true });
      });

      it('takes bad rows as they are, whatever became of their blobs', async () => {
        await remove();
        const [lost = ''] = await lab.doom(0, 1, '');
        async function* withBad() {
          for await (const one of rows(2)) yield one.uid === lost ? { ...one, valid: false } : one;
        }
        await lab.meta.importVersion({ ...version, valid: false }, withBad(), { isTrusted: true, allOrNothing: true });
        expect((await rowsOf('v9')).filter(({ valid }) => !valid)).toHaveLength(1);
      });
    });

    describe('of blobs that were found bad meanwhile', () => {
      const imported = (uid: string) =>
        lab.meta.importVersion({ ...version, uid }, rows(2), { isTrusted: true, allOrNothing: true, heedsBad: true });

      it('comes in with them as bad, and invalid', async () => {
        await lab.meta.importVersion({ ...version, uid: 'v1' }, rows(2), { isTrusted: true });
        await lab.meta.markBlobsInvalid([{ uid: uidOf(1), checksum: sumOf(1) }]);
        expect(await imported('v9')).toEqual({ doomed: 0, mayLack: false, bad: 1 });
        expect(await lab.meta.findVersion('v9')).toMatchObject({ valid: false });
        expect((await rowsOf('v9')).map(({ valid }) => valid)).toEqual([true, false]);
      });

      it('does not mind that another content of the same blob is bad', async () => {
        await lab.meta.importVersion({ ...version, uid: 'v1' }, rows(2), { isTrusted: true });
        await lab.meta.markBlobsInvalid([{ uid: uidOf(1), checksum: sumOf(0) }]);
        expect(await imported('v9')).toEqual({ doomed: 0, mayLack: false, bad: 0 });
      });
    });

    const contentOf = (id: number) => ({ checksum: sumOf(id), size: 100 - id * 50, encVersion: 0, envKey: null, nonce: null });
    const found = async (id: number) => [...(await lab.meta.findBlobs([contentOf(id)], 0)).values()][0];

    it('leaves blobs that dedup must not believe in, until they were found good', async () => {
      await lab.meta.importVersion(version, rows(2));
      expect(await found(0)).toEqual({ uid: uidOf(0), envKey: null, nonce: null, imported: true });
      await lab.meta.recordChecks([{ uid: uidOf(0), good: true }], 1);
      await lab.meta.recordChecks([{ uid: uidOf(0), good: false, content: contentOf(0) }], 1);
      await lab.meta.recordChecks([{ uid: uidOf(0), good: true, content: { ...contentOf(0), checksum: sumOf(1) } }], 1);
      expect(await found(0)).toMatchObject({ imported: true });
      await lab.meta.recordChecks([{ uid: uidOf(0), good: true, content: contentOf(0) }], 1);
      expect(await found(0)).toEqual({ uid: uidOf(0), envKey: null, nonce: null });
      expect(await found(1)).toMatchObject({ imported: true });
    });

    it('of rows that are trusted leaves blobs that dedup may use', async () => {
      await lab.meta.importVersion(version, rows(2), { isTrusted: true });
      expect(await found(0)).toEqual({ uid: uidOf(0), envKey: null, nonce: null });
      expect(await found(1)).toEqual({ uid: uidOf(1), envKey: null, nonce: null });
    });

    it('changes nothing about blobs that a row had with just this content, and doubts those with another key', async () => {
      const known = (id: number, envKey: string | null): BackupRow => ({
        id,
        uid: uidOf(id),
        ...contentOf(id),
        envKey,
        found: false,
      });
      await lab.meta.createVersion({ uid: 'v1', name: 'n', snapshotName: '', size: 2, sizeBytes: 150, expire: null, tags: [] });
      await commit('v1', [known(0, null), known(1, 'aa')]);
      await lab.meta.importVersion(version, rows(2));
      expect(await found(0)).not.toHaveProperty('imported');
      expect(await found(1)).toMatchObject({ imported: true });
      // One of the two rows was verified, the other one was not.
      await lab.meta.recordChecks([{ uid: uidOf(1), good: true, content: contentOf(1) }], 1);
      expect(await found(1)).toMatchObject({ imported: true });
    });
  });
}
