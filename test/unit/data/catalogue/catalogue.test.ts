import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { type Catalogue, type CatalogueOptions, openCatalogue } from '../../../../src/data/catalogue/catalogue.ts';
import { leafEncoder } from '../../../../src/data/catalogue/leaf-payload.ts';
import { folderOfHead } from '../../../../src/data/catalogue/names.ts';
import { LEAF_BLOCKS, type LeafRow, type ManifestHead } from '../../../../src/data/catalogue/types.ts';
import { masterKeyOf, unwrapKey, wrapKey } from '../../../../src/data/codec/key-wrap.ts';
import { BackyError } from '../../../../src/errors.ts';
import { MemoryObjects } from '../../../support/catalogue/memory-objects.ts';

const MASTER = randomBytes(32).toString('hex');
const UID = '0c7b1a2e-1111-11ef-8000-0123456789ab';
const OTHER_UID = '0c7b1a2e-2222-11ef-8000-0123456789ab';

let objects: MemoryObjects;
beforeEach(() => {
  objects = new MemoryObjects();
});

const open = (options: Partial<CatalogueOptions> = {}) => openCatalogue(objects, { masterKey: undefined, ...options });
const damaged = (name: string) => ({
  code: 'catalogueDamaged',
  exitCode: 20,
  data: { path: name },
  message: expect.stringContaining(name),
});

type NewHead = Omit<ManifestHead, 'list' | 'listDigest'>;

function head(uid = UID, name = 'vm ä/1'): NewHead {
  const date = new Date('2026-11-30T01:02:03.456Z');
  const version = { uid, date, name, snapshotName: 's', size: 600, sizeBytes: 600 * 4096 - 5, valid: true, protected: false };
  const counters = { bytesRead: 1, bytesWritten: 2 } as unknown as ManifestHead['stats'][number]['counters'];
  return {
    version: { ...version, expire: new Date('2027-01-01T00:00:00Z'), tags: ['a', 'ü "quoted"'] },
    stats: [{ date, versionUid: uid, name, size: 600, sizeBytes: 600 * 4096 - 5, counters }],
    ...{ blockSize: 4096, hashFunction: 'sha512', storeId: '6b3c8d0e-0000-4000-8000-000000000000' },
  };
}

function rowsOf(index: number, count: number, masterKey?: string): LeafRow[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ id: index * LEAF_BLOCKS + i, uid: newBlobUid(), checksum: randomBytes(64).toString('hex'), size: 4096, valid: true },
    ...(masterKey === undefined
      ? { encVersion: 0, envKey: null, nonce: null }
      : { encVersion: 1, envKey: wrapKey(masterKeyOf(masterKey), randomBytes(32)), nonce: randomBytes(16).toString('hex') }),
  }));
}

/** Writes a version of two leaves. */
async function write(catalogue: Catalogue, given = head(), masterKey?: string) {
  const rows = [rowsOf(0, 500, masterKey), rowsOf(1, 100, masterKey)];
  const leaves = rows.map((some, index) => catalogue.encodeLeaf(index, some));
  const folder = catalogue.folderOf(given.version.name);
  await catalogue.putLeaves(folder, leaves);
  await catalogue.putManifest(
    given,
    leaves.map(({ name }) => name),
  );
  return { rows, folder, leaves: leaves.map(({ name }) => name) };
}

/** Reads all of a version. */
async function read(catalogue: Catalogue, uid = UID) {
  const found = await catalogue.readHead(uid);
  if (found === undefined) return undefined;
  const list = await catalogue.readList(found);
  const folder = folderOfHead(found);
  const rows = await Promise.all(list.map((leaf, index) => catalogue.readLeaf(folder, index, leaf)));
  const { list: _list, listDigest, ...given } = found;
  return { head: given, rows, list, listDigest };
}

describe.each([
  ['a catalogue', undefined],
  ['an encrypted catalogue', MASTER],
])('%s', (_title, masterKey) => {
  it('gives back a version, with all its rows, also to another command', async () => {
    const { rows, leaves } = await write(await open({ masterKey }), head(), masterKey);
    const other = await open({ masterKey });
    expect(await read(other)).toEqual({ head: head(), rows, list: leaves, listDigest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(other.isSealed).toBe(masterKey !== undefined);
    expect(await other.versionUids()).toEqual([UID]);
    expect(await other.readHead(OTHER_UID)).toBeUndefined();
  });

  it('keeps odd versions: without dates, tags, statistics, block size and store id', async () => {
    const catalogue = await open({ masterKey });
    const { version } = head('Not A Uid/../x', '\ud800 ');
    const odd = { version: { ...version, date: new Date(Number.NaN), expire: null, tags: [] }, stats: [] };
    const given = { ...odd, blockSize: null, hashFunction: 'md5', storeId: null };
    await catalogue.putManifest(given, ['empty', 'a'.repeat(32), 'empty']);
    expect(await catalogue.versionUids()).toEqual(['Not A Uid/../x']);
    const found = await catalogue.readHead('Not A Uid/../x');
    expect(found).toMatchObject(given);
    expect(await catalogue.readList(found as ManifestHead)).toEqual(['empty', 'a'.repeat(32), 'empty']);
    expect(await catalogue.readLeaf('f', 0, 'empty')).toEqual([]);
    expect(catalogue.encodeLeaf(3, [])).toEqual({ name: 'empty', payload: undefined });
  });

  it('writes leaves, then the list, then the head, and deletes an older list last', async () => {
    const catalogue = await open({ masterKey });
    const { folder } = await write(catalogue, head(), masterKey);
    const [old] = [...objects.objects.keys()].filter((name) => name.includes('/lists/'));
    objects.calls.length = 0;
    await write(catalogue, head(), masterKey);
    const kinds = objects.calls.map((call) => call.replace(/backy2-catalogue\/(\w+).*/, '$1'));
    expect(kinds).toEqual(['put leaves', 'put leaves', 'put lists', 'put versions', 'delete lists']);
    expect(objects.calls.at(-1)).toBe(`delete ${old}`);
    expect(await catalogue.leafNames(folder)).toHaveProperty('size', 4);
    expect(await catalogue.collect(folder)).toBe(2);
    expect(await read(catalogue)).toBeDefined();
  });

  it('any flipped bit of any object is found and named, and so is any cut', async () => {
    const catalogue = await open({ masterKey });
    const leaf = catalogue.encodeLeaf(0, rowsOf(0, 1, masterKey));
    await catalogue.putLeaves(catalogue.folderOf(head().version.name), [leaf]);
    await catalogue.putManifest(head(), [leaf.name]);
    for (const [name, bytes] of objects.objects) {
      if (name.startsWith('backy2-catalogue/key')) continue;
      const whole = Buffer.from(bytes);
      for (let bit = 0; bit < 8 * whole.length; bit += bit < 8 * 60 ? 1 : 11) {
        bytes[bit >> 3] = (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(read(catalogue), `bit ${bit} of ${name}`).rejects.toMatchObject(damaged(name));
        bytes[bit >> 3] = whole[bit >> 3] ?? 0;
      }
      for (const length of [0, 1, 11, 12, 40, 43, 44, whole.length - 1]) {
        objects.objects.set(name, whole.subarray(0, length));
        await expect(read(catalogue), `${length} bytes of ${name}`).rejects.toMatchObject(damaged(name));
      }
      objects.objects.set(name, Buffer.concat([whole, Buffer.alloc(1)]));
      await expect(read(catalogue)).rejects.toMatchObject(damaged(name));
      objects.objects.set(name, bytes);
    }
    expect(await read(catalogue)).toBeDefined();
  });

  it('an object under the name of another one of its kind is found and named', async () => {
    const catalogue = await open({ masterKey });
    await write(catalogue, head(), masterKey);
    await write(catalogue, head(OTHER_UID), masterKey);
    for (const kind of ['versions', 'lists', 'leaves']) {
      const [one = '', other = ''] = [...objects.objects.keys()].filter((name) => name.includes(`/${kind}/`));
      const bytes = objects.objects.get(one) as Buffer;
      objects.objects.set(one, objects.objects.get(other) as Buffer);
      await expect(read(catalogue)).rejects.toMatchObject(damaged(one));
      objects.objects.set(one, bytes);
    }
  });

  it('a list of another time is found by its head, and what is missing is named', async () => {
    const catalogue = await open({ masterKey });
    await write(catalogue, head(), masterKey);
    const found = (await catalogue.readHead(UID)) as ManifestHead;
    const list = await catalogue.readList(found);
    await expect(catalogue.readList({ ...found, listDigest: '0'.repeat(64) })).rejects.toMatchObject(damaged(found.list));
    objects.objects.delete(found.list);
    await expect(catalogue.readList(found)).rejects.toMatchObject(damaged(found.list));
    const leaf = `backy2-catalogue/leaves/${folderOfHead(found)}/${list[0]}`;
    objects.objects.delete(leaf);
    await expect(catalogue.readLeaf(folderOfHead(found), 0, list[0] ?? '')).rejects.toMatchObject(damaged(leaf));
  });

  it('marks removals, deletes a manifest in order, and collects its leaves', async () => {
    const catalogue = await open({ masterKey });
    const { folder } = await write(catalogue, head(), masterKey);
    await write(catalogue, head(OTHER_UID), masterKey);
    await catalogue.markRemoved(UID, 1_800_000_000.7);
    expect(await catalogue.removals()).toEqual(new Map([[UID, 1_800_000_000]]));
    expect(await catalogue.folders()).toEqual([folder]);
    objects.calls.length = 0;
    // Needs no key.
    await (await open()).deleteManifest(UID, folder);
    expect(objects.calls.map((call) => call.replace(/backy2-catalogue\/(\w+).*/, '$1'))).toEqual([
      'delete versions',
      'delete lists',
      'delete removed',
    ]);
    expect(await catalogue.collect(folder)).toBe(2);
    expect(await catalogue.collect(folder)).toBe(0);
    expect((await read(catalogue, OTHER_UID))?.rows.flat()).toHaveLength(600);
    await catalogue.markRemoved(OTHER_UID, 5);
    await catalogue.unmarkRemoved(OTHER_UID);
    expect(await catalogue.removals()).toEqual(new Map());
  });

  it('collects no leaf while a list or head can not be read', async () => {
    const catalogue = await open({ masterKey });
    const { folder } = await write(catalogue, head(), masterKey);
    await catalogue.putLeaves(folder, [catalogue.encodeLeaf(0, rowsOf(0, 3, masterKey))]);
    for (const kind of ['versions', 'lists']) {
      const [name = ''] = [...objects.objects.keys()].filter((one) => one.includes(`/${kind}/`));
      const bytes = objects.objects.get(name) as Buffer;
      objects.objects.set(name, bytes.subarray(1));
      await expect(catalogue.collect(folder)).rejects.toMatchObject(damaged(name));
      objects.objects.set(name, bytes);
    }
    expect(await catalogue.leafNames(folder)).toHaveProperty('size', 3);
    expect(await catalogue.collect(folder)).toBe(1);
  });

  it('is written without the right to delete, and a tag is one small put', async () => {
    const catalogue = await open({ masterKey });
    await write(catalogue, head(), masterKey);
    objects.refuse = (call) => (call.startsWith('delete') ? new BackyError('dataBackend', 'AccessDenied') : undefined);
    await write(catalogue, head(), masterKey);
    const found = (await catalogue.readHead(UID)) as ManifestHead;
    objects.calls.length = 0;
    await catalogue.putHead({ ...found, version: { ...found.version, tags: ['new'] } });
    expect(objects.calls).toEqual([`put backy2-catalogue/versions/${UID}`]);
    expect((await read(catalogue))?.head.version.tags).toEqual(['new']);
    expect((await read(catalogue))?.rows.flat()).toHaveLength(600);
  });

  it('puts nothing once aborted', async () => {
    const catalogue = await open({ masterKey });
    await catalogue.prepare();
    objects.calls.length = 0;
    const aborted = AbortSignal.abort(new Error('stop'));
    await expect(catalogue.putManifest(head(), [], aborted)).rejects.toThrow('stop');
    await expect(catalogue.putLeaves('f', [catalogue.encodeLeaf(0, rowsOf(0, 1))], aborted)).rejects.toThrow('stop');
    expect(objects.calls).toEqual([]);
  });
});

describe('an encrypted catalogue', () => {
  it('tells nothing: neither names nor contents', async () => {
    const { rows } = await write(await open({ masterKey: MASTER }), head(), MASTER);
    const all = Buffer.concat([...objects.objects].flatMap(([name, bytes]) => [Buffer.from(name), bytes])).toString('latin1');
    const [{ uid = '', checksum = '' } = {}] = rows.flat();
    for (const secret of ['vm ', uid, uid?.slice(10), Buffer.from(checksum ?? '', 'hex').toString('latin1')])
      expect(all).not.toContain(secret);
    const digest = createHash('sha256').update(head().version.name).digest('hex');
    expect(all).not.toContain(digest.slice(0, 16));
    expect((await open()).folderOf(head().version.name)).toBe(digest.slice(0, 32));
  });

  it('has rows whose data keys are those of the blocks, wrapped with the configured key', async () => {
    const { rows } = await write(await open({ masterKey: MASTER }), head(), MASTER);
    const found = await read(await open({ masterKey: MASTER }));
    const keyOf = ({ envKey }: LeafRow) => unwrapKey(masterKeyOf(MASTER), envKey ?? '')?.toString('hex');
    expect(found?.rows.flat().map(keyOf)).toEqual(rows.flat().map(keyOf));
  });

  it.each([undefined, 'f'.repeat(64)])('opens, but is not read or written with the key %s', async (masterKey) => {
    const { folder, leaves } = await write(await open({ masterKey: MASTER }), head(), MASTER);
    const before = new Map(objects.objects);
    const catalogue = await open({ masterKey });
    expect(await catalogue.versionUids()).toEqual([UID]);
    const refusal = { code: 'encryption' };
    await expect(catalogue.readHead(UID)).rejects.toMatchObject(refusal);
    await expect(catalogue.readLeaf(folder, 0, leaves[0] ?? '')).rejects.toMatchObject(refusal);
    expect(() => catalogue.encodeLeaf(0, rowsOf(0, 1, MASTER))).toThrow(BackyError);
    if (masterKey !== undefined) {
      expect(() => catalogue.folderOf('a')).toThrow(BackyError);
      await expect(catalogue.putManifest(head(), [])).rejects.toMatchObject(refusal);
      await expect(catalogue.prepare()).rejects.toMatchObject(refusal);
    }
    await catalogue.markRemoved(UID, 1);
    await catalogue.unmarkRemoved(UID);
    expect(objects.objects).toEqual(before);
  });

  it('takes data keys, and one that is not takes none, whether it encodes the rows or gets them encoded', async () => {
    const rows = rowsOf(0, 3, MASTER);
    const encoded = leafEncoder(MASTER)(0, rows);
    const sealed = await open({ masterKey: MASTER });
    expect(sealed.nameLeaf(encoded)).toEqual(sealed.encodeLeaf(0, rows));
    const plain = await openCatalogue(new MemoryObjects(), { masterKey: undefined });
    for (const refused of [() => plain.encodeLeaf(0, rows), () => plain.nameLeaf(encoded)])
      expect(refused).toThrow(expect.objectContaining({ code: 'encryption' }));
  });

  it('and one that is not can share a data backend: each object says which it is', async () => {
    const plain = await open();
    await write(plain, head());
    const sealed = await open({ masterKey: MASTER });
    await write(sealed, head(OTHER_UID), MASTER);
    for (const uid of [UID, OTHER_UID]) expect((await read(sealed, uid))?.rows.flat()).toHaveLength(600);
    expect((await read(plain))?.rows.flat()).toHaveLength(600);
    await expect(read(plain, OTHER_UID)).rejects.toMatchObject({ code: 'encryption' });
    expect(await sealed.folders()).toHaveLength(2);
  });
});
