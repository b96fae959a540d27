import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import type { BackupRow, BlockRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { BLOCK_SIZE, CoreLab } from '../../support/labs/core-lab.ts';
import { compactBlocks, isCompact } from '../../support/stores/compact-blocks.ts';
import { FileStore } from '../../support/stores/file-store.ts';

const BLOCKS = 2_300;
const PLAIN = { encVersion: 0, envKey: null, nonce: null };

/** Blocks in a row: new blobs, zero, missing, or the first blob again. */
const stretches = fc.array(fc.tuple(fc.constantFrom('new', 'zero', 'missing', 'same'), fc.integer({ min: 1, max: 900 })));

test.each([
  ['compact', true],
  ['classic', false],
] as const)('a database of layout %s is recognized', async (layout, expected) => {
  const lab = await CoreLab.create(layout);
  expect(isCompact(storeOf(lab))).toBe(expected);
  await lab.dispose();
});

test('the blocks that tests read themselves are those that the program reads', async () => {
  await fc.assert(
    fc.asyncProperty(stretches, async (chosen) => {
      const lab = await CoreLab.create('compact');
      try {
        await fill(lab, chosen);
        const read = compactBlocks(storeOf(lab)).map((block) => ({ ...block, valid: block.valid === 1 }));
        expect(read).toEqual([...(await rowsOf(lab, 'v1')), ...(await rowsOf(lab, 'v2'))]);
      } finally {
        await lab.dispose();
      }
    }),
    { numRuns: 8 },
  );
});

function storeOf({ folder, dataPath }: CoreLab): FileStore {
  return new FileStore({ databasePath: join(folder, 'backy.sqlite'), dataPath });
}

/** Two versions: one of new blobs, and one of stretches. The last block is short. */
async function fill(lab: CoreLab, chosen: readonly (readonly [string, number])[]): Promise<void> {
  const sizeBytes = BLOCKS * BLOCK_SIZE - 100;
  const newRow = (id: number): BackupRow => {
    const size = id === BLOCKS - 1 ? BLOCK_SIZE - 100 : BLOCK_SIZE;
    return { id, uid: newBlobUid(), checksum: id.toString(16).padStart(128, '0'), size, ...PLAIN, found: false };
  };
  const same = newRow(0);
  await lab.wholeVersion('v1', [same, ...Array.from({ length: 20 }, (_, n) => newRow(n + 1))]);
  await lab.newVersion('v2', sizeBytes);
  let next = 0;
  const kinds = chosen.flatMap(([kind, count]) => Array<string>(count).fill(kind)).slice(0, BLOCKS);
  const rows = kinds.flatMap((kind, id) => {
    next = id + 1;
    if (kind === 'new') return [newRow(id)];
    return kind === 'same' && id < BLOCKS - 1 ? [{ ...same, id, found: true }] : [];
  });
  const sparse = kinds.flatMap((kind, id) => (kind === 'zero' ? [{ first: id, count: 1 }] : []));
  if (next > 0)
    await lab.meta.commitGroup('v2', { rows, sparse, counters: () => NO_COUNTS }, { blockSize: BLOCK_SIZE, sizeBytes });
}

async function rowsOf(lab: CoreLab, versionUid: string) {
  const rows: BlockRow[] = await lab.meta.blockPage(versionUid, -1, BLOCKS);
  return rows.map(({ id, uid, checksum, size, valid, encVersion }) => {
    return { version_uid: versionUid, id, uid, checksum, size, valid, enc_version: encVersion };
  });
}
