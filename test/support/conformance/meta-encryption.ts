import { describe, expect, it } from 'vitest';
import type { BackupRow } from '../../../src/model/block.ts';
import { type MetaLab, row } from './meta-lab.ts';

/** EncryptionStore: what every implementation MUST do. */
export function metaEncryptionSuite(lab: MetaLab): void {
  const { newVersion, commit, rowsOf, whole } = lab;

  describe('encryption', () => {
    const sealed = (id: number, envKey: string): BackupRow => ({ ...row(id, 500 + id), encVersion: 1, envKey, nonce: 'ab' });
    const keysOf = async (uid: string) => (await rowsOf(uid)).map(({ envKey }) => envKey);
    const version = async (uid: string) => {
      const found = await lab.meta.findVersion(uid);
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
      expect(await lab.meta.sealedBlocks(await version('v0'), 9)).toEqual([]);
      expect(await lab.meta.sampleSealedBlocks(9)).toEqual([]);
      await mixed();
      const both = [
        { encVersion: 1, envKey: 'k1' },
        { encVersion: 1, envKey: 'k2' },
      ];
      expect(await lab.meta.sealedBlocks(await version('v1'), 9)).toEqual(both);
      expect(await lab.meta.sampleSealedBlocks(9)).toEqual(both);
      expect(await lab.meta.sampleSealedBlocks(1)).toHaveLength(1);
    });

    it('rewraps all keys or, after a throw, none, and counts the rows', async () => {
      await mixed();
      const before = await rowsOf('v1');
      const failing = { rewrap: (block: { id: number }) => refuse(block.id === 3), onProgress: () => {} };
      await expect(lab.meta.rewrapKeys(failing)).rejects.toThrow('refused');
      expect(await rowsOf('v1')).toEqual(before);
      const rewrap = ({ envKey }: { envKey: string }) => (envKey === '' ? undefined : `new ${envKey}`);
      expect(await lab.meta.rewrapKeys({ rewrap, onProgress: () => {} })).toEqual({ rewrapped: 3, left: 1, sparse: 5, plain: 1 });
      expect((await keysOf('v1')).slice(0, 5)).toEqual([null, 'new k1', 'new k2', 'new k1', '']);
    });

    it('finds the unfinished migration of a version to an encryption version, until it is finished or removed', async () => {
      const migration = { originUid: 'v0', encVersion: 1 };
      const make = (uid: string) =>
        lab.meta.createVersion({
          uid,
          name: 'vm',
          snapshotName: '',
          size: 10,
          sizeBytes: 950,
          expire: null,
          tags: [],
          migration,
        });
      expect(await lab.meta.findMigration(migration)).toBeUndefined();
      await make('v1');
      expect(await lab.meta.findMigration(migration)).toBe('v1');
      expect(await lab.meta.findMigration({ ...migration, encVersion: 0 })).toBeUndefined();
      expect(await lab.meta.findMigration({ ...migration, originUid: 'v2' })).toBeUndefined();
      await commit('v1', [], [{ first: 0, count: 10 }]);
      expect(await lab.meta.finishBackup(await version('v1'), undefined)).toBe(true);
      expect((await version('v1')).valid).toBe(true);
      await lab.meta.setVersionInvalid('v1');
      expect(await lab.meta.findMigration(migration)).toBeUndefined();
      await make('v2');
      await lab.meta.removeVersion('v2', () => {});
      expect(await lab.meta.findMigration(migration)).toBeUndefined();
    });
  });
}

function refuse(now: boolean): string {
  if (now) throw new Error('refused');
  return 'x';
}
