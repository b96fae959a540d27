import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManifestRows } from '../../../../src/core/catalogue/manifest-rows.ts';
import { openCatalogue } from '../../../../src/data/catalogue/catalogue.ts';
import { pack } from '../../../../src/data/catalogue/container.ts';
import { headName } from '../../../../src/data/catalogue/names.ts';
import { MemoryObjects } from '../../../support/catalogue/memory-objects.ts';

const UID = '0c7b1a2e-1111-11ef-8000-0123456789ab';
const OTHER = '0c7b1a2e-2222-11ef-8000-0123456789ab';
const NAME = headName(UID);
const FOLDER = 'ab'.repeat(16);
const DIGEST = createHash('sha256').update('').digest('hex');
const LIST = `backy2-catalogue/lists/${FOLDER}/${UID}-${DIGEST.slice(0, 16)}`;

const VERSION = {
  ...{ uid: UID, name: 'vm', snapshotName: '', date: '2026-11-30T01:02:03.456Z', size: 1, sizeBytes: 4096 },
  ...{ valid: true, protected: false, expire: null, tags: ['a'] },
};
const HEAD = {
  ...{ format: 1, version: VERSION, stats: [], blockSize: 4096, hashFunction: 'sha512', storeId: null },
  ...{ list: LIST, listDigest: DIGEST },
};

let objects: MemoryObjects;
beforeEach(() => {
  objects = new MemoryObjects();
});

/** A head that anybody could write into a store without encryption. */
async function readHead(head: unknown) {
  objects.objects.set(NAME, pack(Buffer.from(JSON.stringify(head)), { kind: 'head', name: NAME }, undefined));
  return (await openCatalogue(objects, { masterKey: undefined })).readHead(UID);
}

describe('a head that was made up', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'head'],
    ['without a version', { ...HEAD, version: undefined }],
    ['with a number as name', { ...HEAD, version: { ...VERSION, name: 7 } }],
    ['with a text as size', { ...HEAD, version: { ...VERSION, size: '1' } }],
    ['with an object as tag', { ...HEAD, version: { ...VERSION, tags: [{}] } }],
    ['of another version', { ...HEAD, version: { ...VERSION, uid: OTHER } }],
    ['with the list of another version', { ...HEAD, list: LIST.replace(UID, OTHER) }],
    ['with a path as list', { ...HEAD, list: '../../etc/passwd' }],
    ['with a number as list', { ...HEAD, list: 5 }],
    ['with statistics of another version', { ...HEAD, stats: [{ versionUid: OTHER, counters: {} }] }],
    ['with a number as statistics', { ...HEAD, stats: 3 }],
  ])('%s is damage that is named', async (_, head) => {
    await expect(readHead(head)).rejects.toMatchObject({ code: 'catalogueDamaged', data: { path: NAME } });
  });

  it('is read if it is right', async () => {
    expect(await readHead(HEAD)).toMatchObject({ list: LIST, version: { uid: UID, tags: ['a'] } });
  });

  it('with too few leaves for its size has lost its blocks', async () => {
    objects.objects.set(LIST, pack(Buffer.alloc(0), { kind: 'list', name: LIST }, undefined));
    const head = await readHead(HEAD);
    if (head === undefined) throw new Error('no head');
    const rows = new ManifestRows(await openCatalogue(objects, { masterKey: undefined }), head, new AbortController().signal);
    for await (const row of rows) throw new Error(`there is a row ${row.id}`);
    expect(rows.lost).toEqual({ blocks: 1, reason: expect.stringContaining('it has 0 leaves for 1 blocks') });
  });
});

it('a leaf that claims to be large is refused before memory is taken', async () => {
  const leaf = 'cd'.repeat(16);
  const name = `backy2-catalogue/leaves/${FOLDER}/${leaf}`;
  objects.objects.set(name, pack(Buffer.alloc(17 * 1024 * 1024), { kind: 'leaf', name }, undefined));
  const catalogue = await openCatalogue(objects, { masterKey: undefined });
  await expect(catalogue.readLeaf(FOLDER, 0, leaf)).rejects.toThrow('it would have 17825792 bytes');
});
