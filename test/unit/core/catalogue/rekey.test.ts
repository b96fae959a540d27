import { afterEach, expect, test } from 'vitest';
import { rekey } from '../../../../src/core/upkeep/rekey.ts';
import { unwrapKey } from '../../../../src/data/codec/key-wrap.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';
import { KEY_A, KEY_B } from '../../../support/labs/encryption.ts';
import { readCatalogue } from '../../../support/labs/read-catalogue.ts';

let lab: CatalogueLab;
afterEach(() => lab.dispose());

const encryption = (key: string) => ({ version: 1, key, compressionLevel: 1 });

/** The data keys of blocks in the catalogue, as a master key unwraps them. */
async function dataKeys(key: string): Promise<(string | undefined)[]> {
  const [version] = (await readCatalogue(lab.core.dataPath, key)).values();
  const wrapped = version?.rows.flatMap(({ envKey }) => envKey ?? []) ?? [];
  return wrapped.map((text) => unwrapKey(Buffer.from(key, 'hex'), text)?.toString('hex'));
}

test('after a rekey, and after each crash in between, the new or the old key opens the catalogue', async () => {
  lab = await CatalogueLab.create('classic', { encryption: encryption(KEY_A) });
  await lab.backup([0, 1]);
  const keys = await dataKeys(KEY_A);
  expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
  const after = { ...lab.context, settings: { ...lab.context.settings, encryption: encryption(KEY_B) } };
  const killed = { ...lab.withMeta({ rewrapKeys: () => Promise.reject(new Error('killed')) }), settings: after.settings };
  await expect(rekey(killed, KEY_A)).rejects.toThrow('killed');
  expect(await dataKeys(KEY_A)).toEqual(keys);
  expect(await dataKeys(KEY_B)).toEqual(keys);
  // Both keys open the catalogue, but those of blocks are still wrapped with the old one.
  const [uid = ''] = (await lab.core.meta.listVersions({})).map((version) => version.uid);
  await lab.core.meta.markManifestStale(uid);
  await lab.flush(after);
  await rekey(after, KEY_A);
  expect(await dataKeys(KEY_B)).toEqual(keys);
  await expect(dataKeys(KEY_A)).rejects.toMatchObject({ code: 'encryption' });
});

test('a manifest with data keys waits for the key, and nothing fails', async () => {
  lab = await CatalogueLab.create('classic', { encryption: encryption(KEY_A) });
  const uid = await lab.backup([0]);
  await lab.core.meta.addTags(uid, ['new']);
  const settings = { ...lab.context.settings, encryption: { version: 0, key: undefined, compressionLevel: 1 } };
  await lab.flush({ ...lab.context, settings });
  expect(lab.warnings).toEqual([expect.stringMatching(/^The catalogue in the data backend is not up to date: .*[Ee]ncrypt/)]);
  await lab.flush();
  expect((await lab.storedVersion(uid)).head.version.tags).toContain('new');
});
