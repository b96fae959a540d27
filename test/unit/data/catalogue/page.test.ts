import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCatalogue } from '../../../../src/data/catalogue/catalogue.ts';
import { masterKeyOf, unwrapKey } from '../../../../src/data/codec/key-wrap.ts';
import { digestName, keysOf, payloadOf, rowsOf, wrapIn } from '../../../support/catalogue/by-the-page.ts';
import { anyRows } from '../../../support/catalogue/leaf-rows.ts';
import { MemoryObjects } from '../../../support/catalogue/memory-objects.ts';

const MASTER = randomBytes(32).toString('hex');
const UID = '0c7b1a2e-1111-11ef-8000-0123456789ab';
const NAME = 'vm ä';
const ROOT = 'backy2-catalogue';

describe('docs/spec/formats.md §10', () => {
  it.each([undefined, MASTER])('is enough to read all objects (master key: %s)', async (masterKey) => {
    await fc.assert(
      fc.asyncProperty(anyRows(0, masterKey, 12), async (rows) => {
        const objects = new MemoryObjects();
        const catalogue = await openCatalogue(objects, { masterKey });
        const leaf = catalogue.encodeLeaf(0, rows);
        await catalogue.putLeaves(catalogue.folderOf(NAME), [leaf]);
        const date = new Date('2026-11-30T01:02:03.456Z');
        const version = { uid: UID, date, name: NAME, snapshotName: '', size: 500, sizeBytes: 1, valid: true, protected: true };
        const rest = { stats: [], blockSize: null, hashFunction: 'sha512', storeId: null };
        await catalogue.putManifest({ version: { ...version, expire: null, tags: ['t'] }, ...rest }, ['empty', leaf.name]);

        const get = (name: string) => objects.objects.get(name) as Buffer;
        const keys = masterKey === undefined ? undefined : keysOf(get(`${ROOT}/keys`), masterKeyOf(masterKey));
        const folder = digestName(NAME, keys?.folders);
        const headName = `${ROOT}/versions/${UID}`;
        const head = payloadOf(get(headName), 1, headName, keys?.seal).toString();
        const { list, listDigest } = JSON.parse(head);
        expect(head).toBe(
          `{"format":1,"version":{"uid":"${UID}","name":"${NAME}","snapshotName":"","date":"2026-11-30T01:02:03.456Z","size":500,` +
            '"sizeBytes":1,"valid":true,"protected":true,"expire":null,"tags":["t"]},"stats":[],"blockSize":null,' +
            `"hashFunction":"sha512","storeId":null,"list":"${list}","listDigest":"${listDigest}"}`,
        );
        expect(list).toBe(`${ROOT}/lists/${folder}/${UID}-${listDigest.slice(0, 16)}`);
        const names = payloadOf(get(list), 2, list, keys?.seal);
        expect(createHash('sha256').update(names).digest('hex')).toBe(listDigest);
        expect(names.toString('hex')).toBe('f'.repeat(32) + leaf.name);
        const leafName = `${ROOT}/leaves/${folder}/${leaf.name}`;
        const payload = payloadOf(get(leafName), 3, leafName, keys?.seal);
        expect(digestName(payload, keys?.leaves)).toBe(leaf.name);
        const plainKey = (envKey: string | null) => {
          const key = masterKey === undefined || envKey === null ? undefined : unwrapKey(masterKeyOf(masterKey), envKey);
          return key?.toString('hex') ?? envKey;
        };
        expect(rowsOf(payload)).toEqual(rows.map(({ id, envKey, ...row }) => ({ place: id, ...row, key: plainKey(envKey) })));
        expect(objects.objects.size).toBe(keys === undefined ? 3 : 5);
        const [copy] = [...objects.objects.keys()].filter((name) => name.startsWith(`${ROOT}/key-copies/`));
        if (masterKey !== undefined) expect(copy).toBe(`${ROOT}/key-copies/${wrapIn(get(`${ROOT}/keys`))}`);
      }),
      { numRuns: 40 },
    );
  });
});
