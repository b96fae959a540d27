import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import type { DataBackend } from '../../../src/data/data-backend.ts';
import type { ObjectStore } from '../../../src/data/object-store.ts';
import type { DataBackendFixture } from './data-backend.ts';

const signal = new AbortController().signal;
const FOLDER = 'backy2-catalogue';

/**
 * Objects of every data backend that keeps some MUST pass this suite (src/data/object-store.ts).
 */
export function objectStoreSuite(create: () => Promise<DataBackendFixture>): void {
  let fixture: DataBackendFixture;
  let backend: DataBackend;
  let objects: ObjectStore;
  beforeEach(async () => {
    fixture = await create();
    backend = fixture.open();
    objects = objectsOf(backend);
  });
  afterEach(async () => {
    await backend.close();
    await fixture.dispose();
  });

  const put = (...names: string[]) => objects.put(names.map((name) => ({ name: `${FOLDER}/${name}`, bytes: Buffer.from(name) })));
  const get = async (name: string) => {
    const bytes = await objects.get(`${FOLDER}/${name}`);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
  };
  const listed = async (prefix = `${FOLDER}/`) => {
    const names: string[] = [];
    for await (const name of objects.list(prefix)) names.push(name.slice(FOLDER.length + 1));
    return names.sort();
  };

  it('gives back what was put, of any length, to every instance', async () => {
    for (const length of [0, 1, 70_000, 128 * 1024, 300_000]) {
      const bytes = randomBytes(length);
      await objects.put([{ name: `${FOLDER}/some/a-${length}`, bytes }]);
      const other = fixture.open();
      expect(Buffer.compare((await objectsOf(other).get(`${FOLDER}/some/a-${length}`)) ?? Buffer.from('none'), bytes)).toBe(0);
      await other.close();
    }
  });

  it('replaces an object as a whole, and knows none that is missing', async () => {
    expect(await get('one')).toBeUndefined();
    await objects.put([{ name: `${FOLDER}/one`, bytes: randomBytes(100) }]);
    await put('one');
    expect(await get('one')).toBe('one');
    expect(await get('one/two')).toBeUndefined();
    expect(await get('on')).toBeUndefined();
  });

  it('lists those with a prefix of any length, also in folders', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `lists/${i % 3}a/${i}-b`).concat('keys', 'versions/1', 'versions/1-2');
    await put(...names);
    expect(await listed()).toEqual(names.sort());
    for (const prefix of ['', 'l', 'lists', 'lists/', 'lists/1', 'lists/1a/', 'lists/1a/1', 'versions/1', 'versions/1-', 'none/'])
      expect(await listed(`${FOLDER}/${prefix}`)).toEqual(names.filter((name) => name.startsWith(prefix)).sort());
  });

  it('deletes several; missing ones are no error', async () => {
    await put('a', 'b', 'c/d');
    await objects.delete([`${FOLDER}/a`, `${FOLDER}/c/d`, `${FOLDER}/none`, `${FOLDER}/no/ne`]);
    expect(await listed()).toEqual(['b']);
    await put('c/d');
    expect(await listed()).toEqual(['b', 'c/d']);
  });

  it('keeps objects apart from blobs: none is listed, deleted or swept as one, or the other way round', async () => {
    const uid = newBlobUid();
    await backend.put(uid, randomBytes(10), signal);
    await put('keys', `leaves/f/${'a'.repeat(32)}`);
    const uids: string[] = [];
    for (const prefix of ['', 'b', 'backy2-catalogue/']) for await (const blob of backend.list(prefix)) uids.push(blob);
    expect([...new Set(uids)]).toEqual([uid]);
    expect(await backend.sweepLeftovers()).toBe(0);
    expect(await listed()).toHaveLength(2);
    await objects.delete([`${FOLDER}/keys`]);
    expect(await backend.find(uid, signal)).toMatchObject({ state: 'present' });
    await backend.delete([uid]);
    expect(await listed()).toHaveLength(1);
  });

  it('can be written while a full cleanup keeps writers of blobs out, and keeps none out itself', async () => {
    await put('first');
    await backend.put(newBlobUid(), randomBytes(10), signal);
    await backend.close();
    const [cleanup, other] = [fixture.open(), fixture.open()];
    await objectsOf(other).put([{ name: `${FOLDER}/other`, bytes: randomBytes(1) }]);
    await objectsOf(cleanup).put([{ name: `${FOLDER}/before`, bytes: randomBytes(1) }]);
    await cleanup.lockOutWriters();
    await objectsOf(cleanup).put([{ name: `${FOLDER}/during`, bytes: randomBytes(1) }]);
    expect(await listed()).toEqual(['before', 'during', 'first', 'other']);
    await Promise.all([cleanup.close(), other.close()]);
  });

  it('refuses a put and a get once aborted', async () => {
    const aborted = AbortSignal.abort(new Error('stop'));
    await expect(objects.put([{ name: `${FOLDER}/a`, bytes: randomBytes(1) }], aborted)).rejects.toThrow('stop');
    await expect(objects.get(`${FOLDER}/a`, aborted)).rejects.toThrow('stop');
    expect(await listed()).toEqual([]);
  });

  it('never takes another name than one of small letters, digits, dashes and slashes', async () => {
    for (const name of ['../a', 'a/../b', 'A', '', '/a', 'a//b', 'a.blob', 'a/']) {
      await expect(objects.put([{ name, bytes: randomBytes(1) }])).rejects.toThrow("can't be the name");
      await expect(objects.get(name)).rejects.toThrow("can't be the name");
      await expect(objects.delete([name])).rejects.toThrow("can't be the name");
    }
  });
}

function objectsOf({ objects }: DataBackend): ObjectStore {
  if (objects === undefined) throw new Error('this data backend keeps no objects');
  return objects;
}
