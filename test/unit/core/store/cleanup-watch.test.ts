import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore } from '../../../../src/core/store/check-store.ts';
import { CleanupWatch } from '../../../../src/core/store/cleanup-watch.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import type { DataBackend } from '../../../../src/data/data-backend.ts';
import { openDataBackend } from '../../../../src/data/open-backend.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
let backend: DataBackend;
let watch: CleanupWatch;
let rows: BackupRow[];
beforeEach(async () => {
  lab = await CoreLab.create();
  backend = openDataBackend(lab.data, () => {});
  watch = await CleanupWatch.begin(lab.context);
  rows = [0, 1, 2].map((id) => ({
    ...{ id, uid: newBlobUid(), checksum: `${id}`, size: BLOCK_SIZE, encVersion: 0 },
    ...{ envKey: null, nonce: null, found: false },
  }));
  for (const { uid } of rows) await backend.put(uid ?? '', Buffer.alloc(10), lab.context.signal);
});
afterEach(async () => {
  await backend.close();
  await lab.dispose();
});

async function remove(row: BackupRow | undefined): Promise<void> {
  await backend.delete([row?.uid ?? '']);
}

describe('blobs that are gone', () => {
  it('before their rows are committed are looked for once a full cleanup has begun, and not before', async () => {
    await remove(rows[1]);
    expect(await watch.findMissing(rows)).toEqual(new Set());
    await lab.meta.countFullCleanup();
    expect(await watch.findMissing(rows)).toEqual(new Set([rows[1]]));
  });

  it('after their rows were committed keep the version from becoming valid', async () => {
    const version = await lab.newVersion('v1', 3 * BLOCK_SIZE);
    const geometry = { blockSize: BLOCK_SIZE, sizeBytes: 3 * BLOCK_SIZE };
    const counters = await lab.meta.countersFromRows('v1');
    await lab.meta.commitGroup('v1', { rows, sparse: [], counters: () => counters }, geometry);
    await remove(rows[2]);
    await lab.meta.countFullCleanup();
    await watch.markMissing('v1');
    expect((await lab.meta.blockPage('v1', -1, 9)).map(({ valid }) => valid)).toEqual([true, true, false]);
    expect(await lab.meta.finishBackup(version, counters)).toBe(false);
  });

  it('with all of the store, since it was unmounted, are neither marked nor stored again', async () => {
    await checkStore(lab.context);
    await lab.wholeVersion('v1', rows);
    await lab.meta.countFullCleanup();
    renameSync(lab.dataPath, `${lab.dataPath}.mounted`);
    mkdirSync(join(lab.dataPath, 'lost+found'), { recursive: true });
    await expect(watch.findMissing(rows)).rejects.toMatchObject({ code: 'wrongStore' });
    await expect(watch.markMissing('v1')).rejects.toMatchObject({ code: 'wrongStore' });
    expect((await lab.meta.blockPage('v1', -1, 9)).map(({ valid }) => valid)).toEqual([true, true, true]);
  });
});
