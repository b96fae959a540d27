import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCatalogue, type RecoveryKey, type RecoverySource } from '../../../../src/data/catalogue/catalogue.ts';
import { fingerprintOf } from '../../../../src/data/catalogue/key-wraps.ts';
import { findWraps, storeWraps } from '../../../../src/data/catalogue/keys-object.ts';
import { rewrapCatalogueKey } from '../../../../src/data/catalogue/rewrap-key.ts';
import { BackyError } from '../../../../src/errors.ts';
import { MemoryObjects } from '../../../support/catalogue/memory-objects.ts';

const newKey = () => randomBytes(32).toString('hex');
const [A, B, FILE] = [newKey(), newKey(), newKey()];
const KEYS = 'backy2-catalogue/keys';

let objects: MemoryObjects;
beforeEach(() => {
  objects = new MemoryObjects();
});

/** Makes the catalogue key, and a name that depends on it. */
async function prepared(masterKey: string, recovery?: RecoveryKey): Promise<string> {
  const catalogue = await openCatalogue(objects, { masterKey, recovery: sourceOf(recovery) });
  await catalogue.prepare();
  return catalogue.folderOf('name');
}
/** A configured recovery key. */
function sourceOf(recovery: RecoveryKey | undefined): RecoverySource | undefined {
  if (recovery === undefined) return undefined;
  return { by: 'hex' in recovery ? 'recovery-file' : 'recovery-passphrase', read: async () => recovery };
}

const folderBy = async (masterKey: string | undefined, recovery?: RecoveryKey) => {
  try {
    return (await openCatalogue(objects, { masterKey, recovery: sourceOf(recovery) })).folderOf('name');
  } catch (error) {
    return (error as { code?: string }).code;
  }
};
const kinds = async () => (await findWraps(objects)).wraps.map(({ by, fingerprint }) => `${by} ${fingerprint}`);
const isKey = (name: string) => name.startsWith('backy2-catalogue/key');

describe('the catalogue key', () => {
  it('is made by the first put, not by opening, and only with a master key', async () => {
    const catalogue = await openCatalogue(objects, { masterKey: A });
    const folder = catalogue.folderOf('name');
    await (await openCatalogue(objects, { masterKey: undefined, recovery: sourceOf({ hex: FILE }) })).prepare();
    await (await openCatalogue(objects, { masterKey: undefined })).prepare();
    expect(objects.calls).toEqual([]);
    await catalogue.putLeaves(folder, []);
    expect(objects.calls).toEqual([expect.stringMatching(/^put .*\/key-copies\/[0-9a-f]{16}-[0-9a-f]{80}$/), `put ${KEYS}`]);
    expect(await kinds()).toEqual([`master ${fingerprintOf(A)}`]);
    expect(await folderBy(A)).toBe(folder);
    expect(await folderBy(B)).toBe('encryption');
    expect(objects.objects.get(KEYS)?.toString()).not.toContain(A);
  });

  it('of another command is taken if the own one was not used, and refused otherwise', async () => {
    const [one, other] = [await openCatalogue(objects, { masterKey: A }), await openCatalogue(objects, { masterKey: A })];
    other.folderOf('name');
    const folder = await prepared(A);
    await one.prepare();
    expect(one.folderOf('name')).toBe(folder);
    await expect(other.prepare()).rejects.toThrow('Another command has just made the key of the catalogue.');
    expect(await folderBy(A)).toBe(folder);
  });

  it('is not made again after a put failed', async () => {
    const catalogue = await openCatalogue(objects, { masterKey: A });
    objects.refuse = () => new Error('no');
    await expect(catalogue.prepare()).rejects.toThrow('no');
    objects.refuse = () => undefined;
    await catalogue.prepare();
    expect(await folderBy(A)).toBe(catalogue.folderOf('name'));
  });

  it('is not read without a configured key, and a failure to read it shows when it is needed', async () => {
    await prepared(A);
    objects.refuse = (call) => (call.startsWith('list backy2-catalogue/key') ? new Error('denied') : undefined);
    expect((await openCatalogue(objects, { masterKey: undefined })).isSealed).toBe(false);
    const catalogue = await openCatalogue(objects, { masterKey: A });
    expect(await catalogue.versionUids()).toEqual([]);
    expect(() => catalogue.folderOf('name')).toThrow('denied');
  });

  it('is made and used without the right to read objects: its wrap is in a name', async () => {
    objects.refuse = (call) => (call.startsWith('get') ? new BackyError('dataBackend', 'AccessDenied') : undefined);
    const folder = await prepared(A);
    expect(await prepared(A)).toBe(folder);
    expect(await prepared(A, { hex: FILE })).toBe(folder);
    expect(await folderBy(B)).toBe('encryption');
    expect(objects.calls).toHaveLength(2);
  });

  it('with any flipped bit in its object is found in the copy, which the next put makes whole', async () => {
    const folder = await prepared(A);
    const whole = Buffer.from(objects.objects.get(KEYS) as Buffer);
    const copies = [...objects.objects].filter(([name]) => name !== KEYS);
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      objects.objects.set(KEYS, bytes);
      for (const [name] of copies) objects.objects.delete(name);
      await expect(findWraps(objects), `bit ${bit}`).rejects.toMatchObject({ code: 'catalogueDamaged', data: { path: KEYS } });
      for (const [name, copy] of copies) objects.objects.set(name, copy);
      expect(await folderBy(A)).toBe(folder);
    }
    expect(await prepared(A)).toBe(folder);
    expect(objects.objects.get(KEYS)).toEqual(whole);
    objects.objects.delete(KEYS);
    expect([await folderBy(B), await prepared(A)]).toEqual(['encryption', folder]);
    expect(objects.objects.get(KEYS)).toEqual(whole);
    for (const [name] of copies) objects.objects.delete(name);
    expect(await prepared(A)).toBe(folder);
    expect([...objects.objects.keys()].filter(isKey)).toHaveLength(2);
  });
});

describe('a recovery key', () => {
  it('from a file opens the catalogue for reading alone, and is added by the next put', async () => {
    const folder = await prepared(A);
    const recovery = { hex: FILE };
    expect(await folderBy(undefined, recovery)).toBe('encryption');
    expect(await prepared(A, recovery)).toBe(folder);
    const puts = objects.calls.length;
    expect(await prepared(A, recovery)).toBe(folder);
    expect(objects.calls).toHaveLength(puts);
    expect(await folderBy(undefined, recovery)).toBe(folder);
    expect(await folderBy(B, recovery)).toBe(folder);
    expect(await folderBy(undefined, { hex: B })).toBe('encryption');
    const catalogue = await openCatalogue(objects, { masterKey: undefined, recovery: sourceOf(recovery) });
    expect(catalogue.rowKey).toMatch(/^[0-9a-f]{64}$/);
    await expect(catalogue.putLeaves(folder, [])).rejects.toMatchObject({ code: 'encryption' });
  });

  // Each use of a passphrase takes half a second.
  it('from a passphrase opens it too, is not made twice, and has bounded parameters', async () => {
    const recovery = { passphrase: 'correct horse \u00e4' };
    const folder = await prepared(A, recovery);
    const puts = objects.calls.length;
    expect(await prepared(A, recovery)).toBe(folder);
    expect(objects.calls).toHaveLength(puts);
    expect(objects.objects.get(KEYS)?.toString()).not.toMatch(/correct horse/);
    // Another form of the same letters.
    expect(await folderBy(undefined, { passphrase: 'correct horse a\u0308' })).toBe(folder);
    expect(await folderBy(undefined, { passphrase: 'wrong' })).toBe('encryption');
    const { wraps } = await findWraps(objects);
    for (const forged of [{ N: 2 ** 40 }, { r: 1e9 }, { p: 1e9 }, { N: -1 }, { r: 1.5 }]) {
      await storeWraps(
        objects,
        wraps.map((wrap) => (wrap.scrypt === undefined ? wrap : { ...wrap, scrypt: { ...wrap.scrypt, ...forged } })),
      );
      expect(await folderBy(undefined, recovery)).toBe('encryption');
    }
  });

  it('that was replaced opens the catalogue no longer', async () => {
    const folder = await prepared(A, { hex: FILE });
    await prepared(A, { hex: B });
    expect(await folderBy(undefined, { hex: FILE })).toBe('encryption');
    expect(await folderBy(undefined, { hex: B })).toBe(folder);
  });

  it('lets a new master key in, on request', async () => {
    const folder = await prepared(A, { hex: FILE });
    const catalogue = await openCatalogue(objects, { masterKey: B, recovery: sourceOf({ hex: FILE }) });
    expect(catalogue.rowKey).toBe(B);
    await expect(catalogue.prepare()).rejects.toMatchObject({ code: 'encryption' });
    expect(await folderBy(B)).toBe('encryption');
    await catalogue.adoptMasterKey();
    await catalogue.prepare();
    expect([await folderBy(B), await folderBy(A)]).toEqual([folder, 'encryption']);
    expect(await folderBy(undefined, { hex: FILE })).toBe(folder);
  });

  it('is read only when it is needed, and may be elsewhere once it is wrapped', async () => {
    const failing: RecoverySource = { by: 'recovery-file', read: () => Promise.reject(new Error('no such file')) };
    const openWith = (masterKey: string | undefined, recovery: RecoverySource) => openCatalogue(objects, { masterKey, recovery });
    const first = await openWith(A, failing);
    expect([first.folderOf('name'), first.recoveryProblem, first.hasNewKey]).toEqual([expect.any(String), undefined, false]);
    await first.prepare();
    expect([first.recoveryProblem, first.hasNewKey]).toEqual([new Error('no such file'), true]);
    const folder = await prepared(A, { hex: FILE });
    const later = await openWith(A, failing);
    await later.prepare();
    expect([later.recoveryProblem, later.hasNewKey, later.folderOf('name')]).toEqual([undefined, false, folder]);
    expect(await folderBy(undefined, { hex: FILE })).toBe(folder);
    const lost = await openWith(undefined, failing);
    expect(() => lost.folderOf('name')).toThrow('no such file');
  });
});

describe('a rekey', () => {
  it('leaves the catalogue open to both keys until it is finished, then to the new and recovery keys alone', async () => {
    expect(await rewrapCatalogueKey(objects, { oldKey: A, newKey: B })).toBeUndefined();
    const folder = await prepared(A, { hex: FILE });
    const others = new Map([...objects.objects].filter(([name]) => !isKey(name)));
    const rewrapped = await rewrapCatalogueKey(objects, { oldKey: A, newKey: B });
    expect([await folderBy(A), await folderBy(B)]).toEqual([folder, folder]);
    await rewrapped?.finish();
    expect([await folderBy(A), await folderBy(B)]).toEqual(['encryption', folder]);
    expect(await folderBy(undefined, { hex: FILE })).toBe(folder);
    expect(new Map([...objects.objects].filter(([name]) => !isKey(name)))).toEqual(others);
  });

  it('can be done again after a crash at any moment, or be given up', async () => {
    const folder = await prepared(A);
    await rewrapCatalogueKey(objects, { oldKey: A, newKey: B });
    await (await rewrapCatalogueKey(objects, { oldKey: A, newKey: B }))?.finish();
    await (await rewrapCatalogueKey(objects, { oldKey: A, newKey: B }))?.finish();
    expect(await kinds()).toEqual([`master ${fingerprintOf(B)}`]);
    await rewrapCatalogueKey(objects, { oldKey: B, newKey: A });
    await (await rewrapCatalogueKey(objects, { oldKey: A, newKey: B }))?.finish();
    expect([await folderBy(A), await folderBy(B)]).toEqual(['encryption', folder]);
    await expect(rewrapCatalogueKey(objects, { oldKey: A, newKey: FILE })).rejects.toMatchObject({ code: 'encryption' });
  });

  it('is refused where other wraps can not be read: the recovery key would be shut out', async () => {
    const folder = await prepared(A, { hex: FILE });
    const denied = new BackyError('dataBackend', 'denied');
    objects.refuse = (call) => (call === `get ${KEYS}` ? denied : undefined);
    await expect(rewrapCatalogueKey(objects, { oldKey: A, newKey: B })).rejects.toBe(denied);
    objects.refuse = () => undefined;
    expect(await folderBy(undefined, { hex: FILE })).toBe(folder);
  });
});

it.each([
  ['no JSON', '{'],
  ['null', 'null'],
  ['a text instead of wraps', '{"format":1,"wraps":"x"}'],
  ['a number as wrap', '{"format":1,"wraps":[7]}'],
  ['a number as wrapped key', '{"format":1,"wraps":[{"by":"master","fingerprint":"","wrapped":5}]}'],
])('keys that were made up are damage: %s', async (_, json) => {
  const digest = createHash('sha256').update(json).digest('hex');
  objects.objects.set(KEYS, Buffer.from(`${json}\n${digest}\n`));
  await expect(findWraps(objects)).rejects.toMatchObject({ code: 'catalogueDamaged', data: { path: KEYS } });
});
