import { describe, expect, it } from 'vitest';
import type { FillPage } from '../../../src/meta/fill-store.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import type { BlockRow } from '../../../src/model/block.ts';
import type { Version } from '../../../src/model/version.ts';
import { type MetaLab, NOW } from './meta-lab.ts';
import { sumOf, uidOf } from './numbered-blobs.ts';

const SIZE = 1_100;

/** FillStore: what every implementation MUST do. */
export function metaFillSuite(lab: MetaLab): void {
  const blockOf = (id: number, blob: number): BlockRow => ({
    ...{ id, uid: uidOf(blob), checksum: sumOf(blob), size: 100 },
    ...{ valid: true, encVersion: 0, envKey: null, nonce: null },
  });
  const zero = (id: number): BlockRow => ({ ...blockOf(id, 0), uid: null, checksum: null });
  const version = (uid: string): Version => ({
    ...{ uid, date: NOW, name: 'n', snapshotName: '', size: SIZE, sizeBytes: SIZE * 100 },
    ...{ valid: true, protected: true, expire: null },
  });
  /**
   * Zeros, a blob twice, a bad one, one uid with two lengths, and the rest from number `blobs` on.
   */
  const rowsFrom = (blobs: number): BlockRow[] =>
    Array.from({ length: SIZE }, (_, id) => {
      if (id % 7 === 0) return zero(id);
      if (id === 10) return blockOf(id, blobs + 9);
      if (id === 11) return { ...blockOf(id, blobs + 9), size: 50 };
      return id === 12 ? { ...blockOf(id, blobs + id), valid: false } : blockOf(id, blobs + id);
    });
  /** A copy of the first leaf of version v1, then the rest of these rows. */
  async function* copyAndRest(rows: readonly BlockRow[]): AsyncIterable<FillPage> {
    yield { versionUid: 'v1', blocks: { first: 0, count: 1_000 }, rows: 1_000 };
    if (rows.length > 1_000) yield rows.slice(1_000);
  }
  async function* pages(rows: readonly BlockRow[], length = 400) {
    for (let at = 0; at < rows.length; at += length) yield rows.slice(at, at + length);
  }
  const rowsIn = (meta: MetaStore, uid: string) => meta.blockPage(uid, -1, 2 * SIZE);
  const reopened = async (how: Parameters<MetaStore['open']>[0]) => {
    const meta = lab.fixture.store();
    try {
      await meta.open(how);
      return meta;
    } catch (error) {
      await meta.close();
      throw error;
    }
  };

  describe('a new database that is filled', () => {
    it('has all rows, versions that share them, and is like any other', async () => {
      const outcomes: unknown[] = [];
      await lab.meta.fill(async (add) => {
        outcomes.push(await add(version('v1'), pages(rowsFrom(1))));
        outcomes.push(await add(version('v2'), pages(rowsFrom(1).with(1, blockOf(1, 5_000)), 1000), { isWhole: () => false }));
      });
      expect(outcomes).toEqual([1, 2].map(() => ({ doomed: 0, mayLack: false, bad: 0 })));
      expect(await lab.meta.findVersion('v1')).toEqual({ ...version('v1'), tags: [] });
      expect(await lab.meta.findVersion('v2')).toMatchObject({ valid: false });
      expect(await rowsIn(lab.meta, 'v1')).toEqual(rowsFrom(1));
      expect(await rowsIn(lab.meta, 'v2')).toEqual(rowsFrom(1).with(1, blockOf(1, 5_000)));
      const key = { checksum: sumOf(5_000), size: 100 };
      expect([...(await lab.meta.findBlobs([key], 0)).values()]).toEqual([{ uid: uidOf(5_000), envKey: null, nonce: null }]);
      await lab.meta.verifyIndexes(() => {});
      await (await reopened({})).close();
    });

    it('has rows that were copied from another version', async () => {
      const sealed = (row: BlockRow): BlockRow =>
        row.uid === null ? row : { ...row, encVersion: 1, envKey: '5c'.repeat(40), nonce: '7a'.repeat(16) };
      const rows = rowsFrom(1).map(sealed);
      const changed = rows.with(1_050, blockOf(1_050, 5_000));
      const smaller: Version = { ...version('v3'), size: 1_000, sizeBytes: 100_000 };
      await lab.meta.fill(async (add) => {
        await add(version('v1'), pages(rows, 1_000));
        await add({ ...version('v2'), date: new Date(NOW.getTime() + 5_000) }, copyAndRest(changed));
        await add(smaller, copyAndRest(rows.slice(0, 1_000)));
      });
      expect(await rowsIn(lab.meta, 'v1')).toEqual(rows);
      expect(await rowsIn(lab.meta, 'v2')).toEqual(changed);
      expect(await rowsIn(lab.meta, 'v3')).toEqual(rows.slice(0, 1_000));
      const dates = (await lab.meta.datedBlockPage('v2', -1, 2 * SIZE)).map(({ date }) => date.getTime() - NOW.getTime());
      expect(new Set(dates)).toEqual(new Set([5_000]));
      expect(await lab.meta.countBlocks('v3')).toBe(1_000);
      await lab.meta.verifyIndexes(() => {});
    });

    it('has rows that were copied to a version with another block size', async () => {
      const other = (id: number): BlockRow => ({ ...blockOf(id, 7_000 + id), size: 200 });
      const first = Array.from({ length: 1_000 }, (_, id) => other(id));
      const second = rowsFrom(1).map((row) => ({ ...row, id: row.id + 1_000 }));
      async function* mixed(): AsyncIterable<FillPage> {
        yield first;
        yield { versionUid: 'v1', blocks: { first: 1_000, count: 1_000 }, rows: 1_000 };
        yield second.slice(1_000);
      }
      const size = 1_000 + SIZE;
      await lab.meta.fill(async (add) => {
        await add(
          { ...version('v1'), size, sizeBytes: size * 100 },
          pages([...rowsFrom(3_000).slice(0, 1_000), ...second], 1_000),
        );
        await add({ ...version('v2'), size, sizeBytes: size * 200 }, mixed());
      });
      expect(await rowsIn(lab.meta, 'v2')).toEqual([...first, ...second]);
    });

    it('has rows that were copied from the short end of another version', async () => {
      const rows = [...rowsFrom(1).slice(0, 599), { ...zero(599), size: 50 }];
      async function* copy(): AsyncIterable<FillPage> {
        yield { versionUid: 'v1', blocks: { first: 0, count: 600 }, rows: 600 };
      }
      await lab.meta.fill(async (add) => {
        await add({ ...version('v1'), size: 600, sizeBytes: 59_950 }, pages(rows));
        await add({ ...version('v2'), size: 600, sizeBytes: 59_950 }, copy());
        await add({ ...version('v3'), size: 1_000, sizeBytes: 100_000, valid: false }, copy());
      });
      for (const uid of ['v1', 'v2', 'v3']) expect(await rowsIn(lab.meta, uid)).toEqual(rows);
    });

    it('is refused while it is not whole, and can be filled on', async () => {
      const stopped = lab.meta.fill(async (add) => {
        await add(version('v1'), pages(rowsFrom(1)));
        await add(version('v2'), broken());
      });
      async function* broken() {
        yield rowsFrom(1).slice(0, 300);
        throw new Error('stopped');
      }
      await expect(stopped).rejects.toThrow('stopped');
      await expect(reopened({})).rejects.toThrow('is not whole: rebuild-db was stopped. Nothing was changed.');
      await expect(reopened({ asItIs: true })).rejects.toThrow('is not whole');
      const meta = await reopened({ fills: true });
      try {
        expect((await meta.listVersions({})).map(({ uid }) => uid)).toEqual(['v1']);
        await expect(meta.fill(async (add) => void (await add(version('v1'), pages([]))))).rejects.toMatchObject({
          code: 'versionExists',
        });
        await meta.fill(async (add) => void (await add(version('v2'), pages(rowsFrom(1)))));
      } finally {
        await meta.close();
      }
      const whole = await reopened({});
      expect(await rowsIn(whole, 'v1')).toEqual(rowsFrom(1));
      expect(await rowsIn(whole, 'v2')).toEqual(rowsFrom(1));
      await whole.verifyIndexes(() => {});
      await whole.close();
    });
  });

  it('a database that is in use is imported into, and stays usable', async () => {
    await lab.whole('v0', 1);
    await lab.meta.fill(async (add) => {
      await (await reopened({})).close();
      await add(version('v1'), pages(rowsFrom(1)));
      await add(version('v2'), copyAndRest(rowsFrom(1)));
    });
    expect(await rowsIn(lab.meta, 'v1')).toEqual(rowsFrom(1));
    expect(await rowsIn(lab.meta, 'v2')).toEqual(rowsFrom(1));
    expect(await lab.rowsOf('v0')).toHaveLength(10);
  });
}
