import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NamedBlob } from '../../../src/meta/identity-store.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { seededRandom } from '../images/random.ts';
import type { MetaStoreFixture } from './meta-lab.ts';

const BLOCKS = 40;
const GEOMETRY = { blockSize: 100, sizeBytes: BLOCKS * 100 };
const [ID, OTHER_ID] = ['11111111-2222-4333-8444-555555555555', '66666666-2222-4333-8444-555555555555'];
/** Spread over the order of uids, as random ones are. */
const blobOf = (n: number): NamedBlob => ({
  uid: `${(n * 2 ** 33).toString(16).padStart(10, '0')}${'A'.repeat(22)}`,
  checksum: String(n).padStart(128, '0'),
});
const row = (id: number, blob: number): BackupRow => ({
  ...{ id, ...blobOf(blob), size: 100, encVersion: 0, envKey: null, nonce: null, found: false },
});
const numbers = (count: number, first = 1) => Array.from({ length: count }, (_, n) => first + n);
const uidsOf = (blobs: readonly NamedBlob[]) => blobs.map(({ uid }) => uid).sort();

/** IdentityStore: what every implementation MUST do. */
export function metaIdentitySuite(create: () => Promise<MetaStoreFixture>): void {
  let fixture: MetaStoreFixture;
  let meta: MetaStore;
  beforeEach(async () => {
    fixture = await create();
    meta = fixture.store();
    await meta.initialize(fixture.layout);
    await meta.open();
  });
  afterEach(async () => {
    await meta.close();
    await fixture.dispose();
  });

  /** A version with a block for each of these blobs, and zeros after them. */
  const make = async (uid: string, blobs: readonly number[]) => {
    await meta.createVersion({
      ...{ uid, name: 'vm', snapshotName: '', size: BLOCKS, sizeBytes: GEOMETRY.sizeBytes, expire: null, tags: [] },
    });
    const rows = blobs.map((blob, id) => row(id, blob));
    const sparse = rows.length < BLOCKS ? [{ first: rows.length, count: BLOCKS - rows.length }] : [];
    await meta.commitGroup(uid, { rows, sparse, counters: () => NO_COUNTS }, GEOMETRY);
  };
  const sample = (limit: number, versionUid?: string) => meta.sampleBlobs({ limit, versionUid, random: seededRandom(limit) });

  describe('the id of the store', () => {
    it('is none at first, and the first one that is kept stays, for every store of the database', async () => {
      const other = fixture.store();
      await other.open();
      expect(await meta.storeId()).toBeUndefined();
      expect(await meta.keepStoreId(ID)).toBe(ID);
      expect(await other.keepStoreId(OTHER_ID)).toBe(ID);
      expect([await meta.storeId(), await other.storeId()]).toEqual([ID, ID]);
      await other.close();
    });

    it('is the same for two that keep one at the same moment', async () => {
      const other = fixture.store();
      await other.open();
      const [kept, again] = await Promise.all([meta.keepStoreId(ID), other.keepStoreId(OTHER_ID)]);
      expect(again).toBe(kept);
      expect(await meta.storeId()).toBe(kept);
      await other.close();
    });
  });

  describe('blobs that rows name', () => {
    it('are none in a new database, and none in a version of zeros', async () => {
      await make('v1', []);
      expect(await meta.namesBlobs()).toBe(false);
      expect(await sample(16)).toEqual([]);
      expect(await sample(16, 'v1')).toEqual([]);
      await make('v2', [1]);
      expect(await meta.namesBlobs()).toBe(true);
    });

    it('are all drawn when there are no more than wanted, each once and with its checksum', async () => {
      await make('v1', numbers(12));
      await make('v2', numbers(12));
      const blobs = await sample(16);
      expect(uidsOf(blobs)).toEqual(uidsOf(numbers(12).map(blobOf)));
      for (const { uid, checksum } of blobs)
        expect(checksum).toBe(
          numbers(12)
            .map(blobOf)
            .find((blob) => blob.uid === uid)?.checksum,
        );
    });

    it('are drawn up to the limit, from all over', async () => {
      await make('v1', numbers(BLOCKS));
      const drawn = new Set<string>();
      for (const seed of numbers(20)) {
        const blobs = await meta.sampleBlobs({ limit: 8, random: seededRandom(seed) });
        expect(new Set(uidsOf(blobs)).size).toBe(8);
        for (const { uid } of blobs) drawn.add(uid);
      }
      expect(drawn.size).toBeGreaterThan(BLOCKS / 2);
    });

    it('are those of one version when asked for, though it has one of them many times', async () => {
      await make('v1', numbers(20));
      await make('v2', [...new Array(30).fill(31), 32, 33]);
      expect(uidsOf(await sample(8, 'v2'))).toEqual(uidsOf([31, 32, 33].map(blobOf)));
      expect(uidsOf(await sample(20, 'v1'))).toEqual(uidsOf(numbers(20).map(blobOf)));
      expect(await sample(8, 'no such version')).toEqual([]);
    });

    it('are not drawn when their rows are known to be bad', async () => {
      await make('v1', numbers(3));
      await meta.markBlobsInvalid([blobOf(2)]);
      for (const versionUid of [undefined, 'v1'])
        expect(uidsOf(await sample(16, versionUid))).toEqual(uidsOf([1, 3].map(blobOf)));
      expect(await meta.namesBlobs()).toBe(true);
    });
  });
}
