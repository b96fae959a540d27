import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import type { DataBackend } from '../../../src/data/data-backend.ts';
import { newStoreId } from '../../../src/data/store-id.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';
import { filled } from './blob-files.ts';

/** Gives the suite instances of one storage. */
export interface DataBackendFixture {
  /** A new instance; all instances of a test share the same storage. */
  open(): DataBackend;
  /** Removes the storage. */
  dispose(): Promise<void>;
}

const signal = new AbortController().signal;

/** Every data backend that keeps blobs MUST pass this suite (src/data/data-backend.ts). */
export function dataBackendSuite(create: () => Promise<DataBackendFixture>): void {
  let fixture: DataBackendFixture;
  let backend: DataBackend;
  beforeEach(async () => {
    fixture = await create();
    backend = fixture.open();
  });
  afterEach(async () => {
    await backend.close();
    await fixture.dispose();
  });

  const get = async (uid: string, bytes: number) => {
    const into = alignedBytes(bytes).subarray(0, bytes);
    const length = await backend.get({ uid, blockId: 0, plainBytes: bytes }, into, signal);
    return { length, into: Buffer.from(into) };
  };
  const listed = async (prefix = '') => {
    const uids: string[] = [];
    for await (const uid of backend.list(prefix)) uids.push(uid);
    return uids.sort();
  };

  it.each([1, 4096, 4 * 1024 * 1024, 4 * 1024 * 1024 + 1])('returns the %i bytes that were put', async (size) => {
    const uid = newBlobUid();
    const bytes = filled(size);
    await backend.put(uid, bytes, signal);
    const { length, into } = await get(uid, size);
    expect(length).toBe(size);
    expect(into.equals(bytes)).toBe(true);
  });

  it('reports the whole length when less is read', async () => {
    const uid = newBlobUid();
    await backend.put(uid, randomBytes(100), signal);
    expect((await get(uid, 10)).length).toBe(100);
  });

  it('finds blobs that another instance put', async () => {
    const uid = newBlobUid();
    const other = fixture.open();
    await other.put(uid, randomBytes(10), signal);
    await other.flush();
    await other.close();
    expect((await get(uid, 10)).length).toBe(10);
  });

  it('replaces a blob that is put again', async () => {
    const uid = newBlobUid();
    await backend.put(uid, Buffer.from('first'), signal);
    await backend.put(uid, Buffer.from('again'), signal);
    expect((await get(uid, 5)).into.toString()).toBe('again');
  });

  it('reports a missing blob as missing', async () => {
    await backend.put(newBlobUid(), randomBytes(1), signal);
    expect((await get(newBlobUid(), 10)).length).toBeUndefined();
    expect(['missing', 'unknown']).toContain((await backend.probe(newBlobUid())).state);
  });

  it('reports the stored length in a probe, or that it does not know it', async () => {
    const uid = newBlobUid();
    await backend.put(uid, randomBytes(123), signal);
    const probe = await backend.probe(uid);
    if (probe.state !== 'unknown') expect(probe).toEqual({ state: 'present', storedBytes: 123 });
  });

  it('lists all blobs, or those with a prefix of any length', async () => {
    const uids = Array.from({ length: 30 }, newBlobUid).sort();
    await Promise.all(uids.map((uid) => backend.put(uid, randomBytes(10), signal)));
    expect(await listed()).toEqual(uids);
    for (const length of [1, 2, 3, 4, 7, 32]) {
      const prefix = uids[0]?.slice(0, length) ?? '';
      expect(await listed(prefix)).toEqual(uids.filter((uid) => uid.startsWith(prefix)));
    }
  });

  it('deletes each blob on its own; missing ones count as deleted', async () => {
    const [kept, gone, never] = [newBlobUid(), newBlobUid(), newBlobUid()];
    await backend.put(kept, randomBytes(10), signal);
    await backend.put(gone, randomBytes(10), signal);
    const outcome = await backend.delete([gone, never]);
    expect(outcome.deleted.sort()).toEqual([gone, never].sort());
    expect(outcome.failed).toEqual([]);
    expect(await listed()).toEqual([kept]);
  });

  it('refuses a put and a get once aborted, and leaves nothing under the name', async () => {
    const aborted = AbortSignal.abort(new Error('stop'));
    const uid = newBlobUid();
    await expect(backend.put(uid, randomBytes(10), aborted)).rejects.toThrow();
    await expect(backend.get({ uid, blockId: 0, plainBytes: 1 }, new Uint8Array(1), aborted)).rejects.toThrow();
    expect(await listed()).toEqual([]);
  });

  it('accepts many puts at once', async () => {
    const blobs = Array.from({ length: 100 }, () => ({ uid: newBlobUid(), bytes: filled(5000) }));
    await Promise.all(blobs.map(({ uid, bytes }) => backend.put(uid, bytes, signal)));
    await backend.flush();
    for (const { uid, bytes } of blobs) expect((await get(uid, 5000)).into.equals(bytes)).toBe(true);
  });

  it('sweeps nothing that a living instance is writing', async () => {
    const other = fixture.open();
    await other.put(newBlobUid(), randomBytes(10), signal);
    expect(await backend.sweepLeftovers()).toBe(0);
    await other.put(newBlobUid(), randomBytes(10), signal);
    await other.close();
    expect(await listed()).toHaveLength(2);
  });

  it('locks out at most writers until it is closed, and can still list and delete', async () => {
    const uid = newBlobUid();
    const other = fixture.open();
    await other.put(uid, randomBytes(10), signal);
    await other.flush();
    await other.close();
    const alone = fixture.open();
    await alone.lockOutWriters();
    expect(await listed()).toEqual([uid]);
    expect((await alone.delete([uid])).deleted).toEqual([uid]);
    await alone.close();
    await backend.put(uid, randomBytes(10), signal);
    expect(await listed()).toEqual([uid]);
  });

  it('finds a blob with its stored length, and no other one, also in an empty storage', async () => {
    const [uid, never] = [newBlobUid(), newBlobUid()];
    expect(await backend.find(never, signal)).toEqual({ state: 'missing' });
    await backend.put(uid, randomBytes(123), signal);
    expect(await backend.find(uid, signal)).toEqual({ state: 'present', storedBytes: 123 });
    expect(await backend.find(never, signal)).toEqual({ state: 'missing' });
    expect(await backend.find(uid.slice(0, 31), signal)).toEqual({ state: 'missing' });
    expect(await backend.find('../x', signal)).toEqual({ state: 'missing' });
  });

  describe('the id of the store', () => {
    it('is absent until one is made, which every instance sees', async () => {
      const [id, other] = [newStoreId(), fixture.open()];
      expect(await backend.storeIds('full')).toEqual([]);
      expect(await backend.createStoreId(id)).toEqual([id]);
      expect([await backend.storeIds('full'), await other.storeIds('full')]).toEqual([[id], [id]]);
      await other.close();
    });

    it('stays when it is made again, and when another one is made', async () => {
      const [id, second] = [newStoreId(), newStoreId()];
      await backend.createStoreId(id);
      expect(await backend.createStoreId(id)).toEqual([id]);
      const ids = await backend.createStoreId(second);
      expect(ids).toContain(id);
      expect(await backend.storeIds('full')).toEqual(ids);
    });

    it('is no blob: it is neither listed nor swept', async () => {
      const [id, uid] = [newStoreId(), newBlobUid()];
      await backend.put(uid, randomBytes(1), signal);
      await backend.createStoreId(id);
      expect(await listed()).toEqual([uid]);
      expect(await backend.sweepLeftovers()).toBe(0);
      await backend.delete([uid]);
      expect(await backend.storeIds('full')).toEqual([id]);
    });
  });
}
