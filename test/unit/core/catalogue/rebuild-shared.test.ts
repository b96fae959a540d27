import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Backy } from '../../../../src/core/backy.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { FileObjects } from '../../../../src/data/file/file-objects.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import type { Layout } from '../../../../src/model/layout.ts';
import { sumOf } from '../../../support/conformance/numbered-blobs.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

/** Blobs that are there. */
const BLOBS = 40;
const UIDS = Array.from({ length: BLOBS + 1 }, newBlobUid);
const LOST = UIDS[BLOBS];

/** The row of a block that has one of a few blobs. */
function rowOf(id: number, blob = id % BLOBS): BackupRow {
  const plain = { valid: true, encVersion: 0, envKey: null, nonce: null, found: false };
  return { id, uid: UIDS[blob] ?? null, checksum: sumOf(blob), size: BLOCK_SIZE, ...plain };
}

function image(size: number, changes: Record<number, number> = {}): BackupRow[] {
  return Array.from({ length: size }, (_, id) => rowOf(id, changes[id]));
}

/** Versions of one image, each with what it does to the one before. */
const VERSIONS: readonly [uid: string, rows: BackupRow[], leavesRead: number][] = [
  ['first', image(2_600), 6],
  ['one-block', image(2_600, { 700: 3 }), 2],
  ['grown', image(2_700, { 700: 3 }), 2],
  ['shrunk', image(2_000, { 700: 3 }), 0],
  ['lacks-blob', image(2_000, { 700: 3, 1500: BLOBS }), 2],
  ['lacks-it-too', image(2_000, { 700: 3, 1500: BLOBS }), 2],
  ['good-later', image(2_000, { 700: 3 }), 2],
];

describe.each<Layout>(['classic', 'compact'])('layout %s: versions that share leaves', (layout) => {
  let lab: CoreLab;
  afterEach(async () => {
    vi.restoreAllMocks();
    await lab.dispose();
  });

  test('come back with all rows, and leaves that they share are read once', async () => {
    lab = await CoreLab.create(layout);
    for (const uid of UIDS.slice(0, BLOBS)) {
      const path = blobPath(lab.dataPath, uid);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, Buffer.alloc(BLOCK_SIZE));
    }
    for (const [uid, rows] of VERSIONS) {
      lab.now = new Date(lab.now.getTime() + 1000);
      await lab.wholeVersion(uid, rows);
    }
    await new Backy(lab.context).syncCatalogue();
    const path = join(lab.folder, 'new.sqlite');
    const meta = sqliteStore({ path, cacheMb: 4, createIfMissing: false, logger: silentLogger, now: () => lab.now });
    const rebuilt = { ...lab.context, meta };
    const read = vi.spyOn(FileObjects.prototype, 'get');
    try {
      const { damaged, blocks } = await new Backy(rebuilt).rebuildDatabase({ layout, dryRun: false });
      const lost = { blocksMissing: 1, examples: [1_500], blocksLost: 0 };
      expect(damaged).toEqual(['lacks-blob', 'lacks-it-too'].map((uid) => ({ uid, name: 'vm', ...lost })));
      expect(blocks).toBe(VERSIONS.reduce((sum, [, rows]) => sum + rows.length, 0));
      const leaves = read.mock.calls.filter(([name]) => name.includes('leaves/'));
      expect(leaves).toHaveLength(VERSIONS.reduce((sum, [, , leavesRead]) => sum + leavesRead, 0));
      for (const [uid, rows] of VERSIONS) {
        const lacks = rows.some((row) => row.uid === LOST);
        expect(await meta.findVersion(uid)).toMatchObject({ valid: !lacks });
        const expected = rows.map(({ found, ...row }) => ({ ...row, valid: row.uid !== LOST }));
        expect(await meta.blockPage(uid, -1, 3_000), uid).toEqual(expected);
      }
      expect((await new Backy(rebuilt).checkMetadata()).findings).toEqual([]);
    } finally {
      await meta.close();
    }
  });
});
