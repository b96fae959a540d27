import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore } from '../../../../src/core/store/check-store.ts';
import { DamageGuard, isMassDamage } from '../../../../src/core/store/damage-guard.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath, STORE_FILE } from '../../../../src/data/file/blob-paths.ts';
import { toStoreFile } from '../../../../src/data/store-id.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
let uids: string[];
/** Reports of missing blobs, in order. */
let reported: number[];
beforeEach(async () => {
  lab = await CoreLab.create();
  await checkStore(lab.context);
  reported = [];
});
afterEach(() => lab.dispose());

/** Adds a version of `count` blobs, less the first `lost` of them. */
async function addBlobs(count: number, lost: number): Promise<void> {
  uids = Array.from({ length: count }, newBlobUid);
  const rows = uids.map((uid, id) => ({
    ...{ id, uid, checksum: `c${id}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false },
  }));
  await lab.wholeVersion('v', rows);
  for (const uid of uids.slice(lost)) {
    mkdirSync(dirname(blobPath(lab.dataPath, uid)), { recursive: true });
    writeFileSync(blobPath(lab.dataPath, uid), 'bytes');
  }
}
const guardOf = (onMassDamage: 'stop' | 'goOn', acceptDamage = false) =>
  new DamageGuard({ ...lab.context, random: Math.random }, { onMassDamage, versionUid: 'v', acceptDamage });
/** Meets `count` missing blobs, one after the other. */
async function meet(guard: DamageGuard, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    guard.countProbed(1);
    await guard.reportMissing(async () => {
      reported.push(i);
    });
  }
}

describe('mass damage', () => {
  it.each([
    [{ probed: 16, missing: 16 }, true],
    [{ probed: 16, missing: 15 }, false],
    [{ probed: 320, missing: 16 }, false],
    [{ probed: 319, missing: 16 }, true],
    [{ probed: 10_000, missing: 501 }, true],
    [{ probed: 10_000, missing: 500 }, false],
    [{ probed: 0, missing: 0 }, false],
  ])('of %o is %s', (tally, expected) => {
    expect(isMassDamage(tally)).toBe(expected);
  });
});

describe('missing blobs', () => {
  it('are held back up to the fifteenth, and reported at the end', async () => {
    await addBlobs(40, 15);
    const guard = guardOf('stop');
    await meet(guard, 15);
    expect(reported).toEqual([]);
    await guard.settle();
    expect(reported).toEqual([...Array(15).keys()]);
  });

  it('that lie close together are reported if the rest is there', async () => {
    await addBlobs(440, 20);
    const guard = guardOf('stop');
    await meet(guard, 16);
    expect(reported).toHaveLength(16);
    await meet(guard, 4);
    await guard.settle();
    expect(reported).toHaveLength(20);
  });

  it('stop an operation when it is mass damage, and none of them was reported', async () => {
    await addBlobs(60, 40);
    const guard = guardOf('stop');
    await expect(meet(guard, 16)).rejects.toMatchObject({ code: 'massDamage', exitCode: 6 });
    await guard.settle();
    expect(reported).toEqual([]);
  });

  it('are not reported by an operation that goes on', async () => {
    await addBlobs(60, 40);
    const guard = guardOf('goOn');
    await meet(guard, 100);
    await guard.settle();
    expect(guard.isMassDamage).toBe(true);
    expect(reported).toEqual([]);
  });

  it('are reported at once when the damage is accepted', async () => {
    await addBlobs(60, 40);
    const guard = guardOf('stop', true);
    await meet(guard, 3);
    expect(reported).toEqual([0, 1, 2]);
    await meet(guard, 100);
    await guard.settle();
    expect(reported).toHaveLength(103);
  });

  it('are not reported once the store is gone', async () => {
    await addBlobs(20, 3);
    const guard = guardOf('stop');
    await meet(guard, 3);
    rmSync(join(lab.dataPath, STORE_FILE));
    await expect(guard.settle()).rejects.toMatchObject({ code: 'wrongStore', exitCode: 6 });
    expect(reported).toEqual([]);
  });
});

describe('a failure while it is decided', () => {
  it('leaves it to be decided again, and nothing is reported twice', async () => {
    await addBlobs(40, 3);
    const guard = guardOf('stop');
    await meet(guard, 3);
    rmSync(join(lab.dataPath, STORE_FILE));
    mkdirSync(join(lab.dataPath, STORE_FILE));
    await expect(guard.settle()).rejects.toMatchObject({ code: 'dataBackend' });
    expect(reported).toEqual([]);
    rmSync(join(lab.dataPath, STORE_FILE), { recursive: true });
    writeFileSync(join(lab.dataPath, STORE_FILE), toStoreFile((await lab.meta.storeId()) ?? ''));
    await Promise.all([guard.settle(), guard.settle()]);
    expect(reported).toEqual([0, 1, 2]);
  });
});

describe('a look at a sample', () => {
  it('finds nothing if all blobs are there', async () => {
    await addBlobs(40, 0);
    expect(await guardOf('stop').lookAhead()).toEqual([]);
  });

  it('stops an operation when half of the blobs are gone', async () => {
    await addBlobs(60, 30);
    await expect(guardOf('stop').lookAhead()).rejects.toMatchObject({ code: 'massDamage' });
  });

  it('gives missing blobs with their checksums when the damage is accepted', async () => {
    await addBlobs(60, 60);
    const missing = await guardOf('stop', true).lookAhead();
    expect(missing.length).toBeGreaterThan(16);
    for (const { uid, checksum } of missing) expect(checksum).toBe(`c${uids.indexOf(uid)}`);
  });
});
