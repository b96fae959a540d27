import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore, confirmStore, identifyStore } from '../../../../src/core/store/check-store.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath, STORE_FILE } from '../../../../src/data/file/blob-paths.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import { NullBackend } from '../../../../src/data/null-backend.ts';
import { newStoreId, toStoreFile } from '../../../../src/data/store-id.ts';
import { BackyError } from '../../../../src/errors.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
  lab.context.random = Math.random;
});
afterEach(() => lab.dispose());

const storeFile = () => join(lab.dataPath, STORE_FILE);
const idInFolder = () => readFileSync(storeFile(), 'utf8').split(' ')[0];
const backend = () => new FileBackend({ type: 'file', path: lab.dataPath, durable: false });

/** Adds a version of `count` blobs, of which `stored` are there. */
async function addBlobs(count: number, stored: number): Promise<void> {
  const uids = Array.from({ length: count }, newBlobUid);
  const rows = uids.map((uid, id) => ({
    ...{ id, uid, checksum: `c${id}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false },
  }));
  await lab.wholeVersion('v', rows);
  for (const uid of uids.slice(0, stored)) {
    mkdirSync(dirname(blobPath(lab.dataPath, uid)), { recursive: true });
    writeFileSync(blobPath(lab.dataPath, uid), 'bytes');
  }
}

describe('a store without an id', () => {
  it('gets one when it is new, in the folder and in the database', async () => {
    await checkStore(lab.context);
    expect(await lab.meta.storeId()).toBe(idInFolder());
  });

  it.each([
    [3, 2],
    [3, 3],
    [15, 8],
    [100, 100],
  ])('of %i blobs gets one when %i are there', async (count, stored) => {
    await addBlobs(count, stored);
    await checkStore(lab.context);
    expect(await lab.meta.storeId()).toBe(idInFolder());
  });

  it.each([
    [1, 0],
    [3, 1],
    [15, 7],
    [100, 0],
  ])('of %i blobs is refused when only %i are there', async (count, stored) => {
    await addBlobs(count, stored);
    await expect(checkStore(lab.context)).rejects.toMatchObject({ code: 'wrongStore' });
    expect(await lab.meta.storeId()).toBeUndefined();
    // If the user says that the blobs are lost, it is used.
    await checkStore(lab.context, { acceptDamage: true });
    expect(await lab.meta.storeId()).toBe(idInFolder());
  });

  it('is recognised by blobs that are known to be bad if there are no others, and refused without any', async () => {
    await addBlobs(20, 0);
    lab.sql('UPDATE blocks SET valid = 0');
    await expect(checkStore(lab.context)).rejects.toMatchObject({ code: 'wrongStore' });
    for (const row of await lab.meta.blockPage('v', -1, 12)) {
      mkdirSync(dirname(blobPath(lab.dataPath, row.uid ?? '')), { recursive: true });
      writeFileSync(blobPath(lab.dataPath, row.uid ?? ''), 'bytes');
    }
    await checkStore(lab.context);
    expect(await lab.meta.storeId()).toBe(idInFolder());
  });

  it('is checked though its id can not be kept', async () => {
    await addBlobs(20, 20);
    const readOnly = Object.assign(backend(), {
      createStoreId: async () => {
        throw new BackyError('dataBackend', 'EROFS');
      },
    });
    await identifyStore(lab.context, readOnly);
    await identifyStore(lab.context, readOnly);
    expect(await lab.meta.storeId()).toBeUndefined();
    await readOnly.close();
  });

  it('gets one id from two commands at once', async () => {
    const other = { ...lab.context, locks: lab.otherLocks() };
    await Promise.all([checkStore(lab.context), checkStore(other), checkStore(lab.context)]);
    expect(await lab.meta.storeId()).toBe(idInFolder());
  });
});

describe('a store with an id', () => {
  it('is taken by a new database, and given back to one that lost it', async () => {
    const id = newStoreId();
    mkdirSync(lab.dataPath);
    writeFileSync(storeFile(), toStoreFile(id));
    await checkStore(lab.context);
    expect(await lab.meta.storeId()).toBe(id);
    rmSync(storeFile());
    await checkStore(lab.context);
    expect(idInFolder()).toBe(id);
  });

  it('is another one: refused even when damage is accepted, with both ids', async () => {
    await checkStore(lab.context);
    const own = await lab.meta.storeId();
    const other = newStoreId();
    writeFileSync(storeFile(), toStoreFile(other));
    const refused = expect(checkStore(lab.context, { acceptDamage: true })).rejects;
    await refused.toMatchObject({ code: 'wrongStore', message: expect.stringContaining(`is store ${other}, but`) });
    await expect(checkStore(lab.context)).rejects.toThrow(`belongs to store ${own}`);
    expect(idInFolder()).toBe(other);
  });

  it('may have several ids, one of which is ours', async () => {
    await checkStore(lab.context);
    const own = (await lab.meta.storeId()) ?? '';
    const several = Object.assign(backend(), { storeIds: async () => [newStoreId(), own] });
    await identifyStore(lab.context, several);
    await confirmStore(lab.context, several);
  });

  it('is gone when it is looked for again', async () => {
    await checkStore(lab.context);
    await confirmStore(lab.context, backend());
    rmSync(storeFile());
    await expect(confirmStore(lab.context, backend())).rejects.toMatchObject({ code: 'wrongStore' });
  });
});

it('is not asked for where no blobs are kept', async () => {
  await identifyStore(lab.context, new NullBackend());
  expect(await lab.meta.storeId()).toBeUndefined();
});
