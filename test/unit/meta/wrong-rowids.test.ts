import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backup } from '../../../src/core/backup/backup.ts';
import { restore } from '../../../src/core/restore/restore.ts';
import { scrub } from '../../../src/core/scrub/scrub.ts';
import { OpenImages } from '../../../src/core/serve/open-images.ts';
import { exportText } from '../../../src/core/transfer/export.ts';
import { checkMetadata } from '../../../src/core/upkeep/check-metadata.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { Layout } from '../../../src/model/layout.ts';
import { runInline } from '../../support/engine/inline-pool.ts';
import { setWrongRowid } from '../../support/faults/wrong-rowid.ts';
import { noise } from '../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../support/labs/core-lab.ts';

/** The rows of v1 have the rowids 1 to 10, those of v2 the next ones. */
const BLOCKS = 10;
const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: BLOCKS * BLOCK_SIZE };
const PLAIN = { encVersion: 0, envKey: null, nonce: null };
const checksum = (name: string, id: number) => `${name}${id}`.repeat(8);

let lab: CoreLab;
afterEach(() => lab.dispose());

async function make(layout: Layout, names: readonly string[]): Promise<void> {
  lab = await CoreLab.create(layout);
  for (const name of names) {
    const rows = Array.from({ length: BLOCKS }, (_, id) => rowOf(name, id));
    await lab.wholeVersion(name, rows);
  }
}

function rowOf(name: string, id: number): BackupRow {
  return { id, uid: `${name}-${id}`, checksum: checksum(name, id), size: BLOCK_SIZE, ...PLAIN, found: false };
}

/** Gives an index entry of the closed file a wrong rowid. */
async function damage(entry: Parameters<typeof setWrongRowid>[1]): Promise<void> {
  await lab.meta.close();
  setWrongRowid(join(lab.folder, 'backy.sqlite'), entry);
  await lab.meta.open();
}

const count = async (uid: string) => (await lab.meta.blockPage(uid, -1, 100)).length;

const READERS: Record<string, () => Promise<unknown>> = {
  'blocks in their order': () => lab.meta.blockPage('v1', -1, 100),
  'rows with their dates': () => lab.meta.datedBlockPage('v1', 1, 100),
  'blocks by id': () => lab.meta.blocksById('v1', [9, 4, 0]),
  'one block by id': () => lab.meta.blocksById('v1', [4]),
  'bad blocks': () => lab.meta.badBlockPage('v1', -1, 100),
  'rows to discard': () => lab.meta.discardBadBlocks('v1', GEOMETRY),
  'rows to remove': () => lab.meta.removeVersion('v1', () => {}),
  'two versions': () => lab.meta.compareVersions('v2', 'v1', -1, 100),
  'rows to take over': () => takeOver('v1'),
  'an export': async () => {
    for await (const _ of exportText(lab.context, 'v1'));
  },
};

async function takeOver(baseUid: string): Promise<void> {
  await lab.newVersion('v3', GEOMETRY.sizeBytes);
  const ranges = [
    { first: 0, count: 2 },
    { first: 3, count: 4 },
  ];
  const request = { baseUid, versionUid: 'v3', ranges, geometry: GEOMETRY, counters: () => NO_COUNTS, onCopied: () => {} };
  await lab.meta.takeOver(request);
}

describe('an entry of the primary key that leads', () => {
  const INDEX = { index: 'sqlite_autoindex_blocks_1', key: ['v1', 4], rowid: 5 };
  const WHERE = [
    ["to the version's next row", 4],
    ["to another version's row", 5 ^ 16],
    ['nowhere', 5 ^ 64],
  ] as const;
  beforeEach(() => make('classic', ['v1', 'v2']));

  describe.each(WHERE)('%s', (_, wrong) => {
    beforeEach(() => damage({ ...INDEX, wrong }));

    test.each(Object.entries(READERS))('is an error for %s', async (_, read) => {
      await expect(read()).rejects.toMatchObject({
        ...{ code: 'database', data: { uid: 'v1', block: 4 } },
        message: expect.stringMatching(/leads to the row of another block, from block 4 of version v1\.$/),
        hint: expect.stringContaining('reindex'),
      });
      expect(await count('v2')).toBe(BLOCKS);
      expect(await lab.meta.countBlocks('v1')).toBe(BLOCKS);
    });

    test('is found by a check, and makes no version valid', async () => {
      const page = await lab.meta.checkedPage('v1', -1, 100);
      expect(page.damage).toMatchObject([{ problem: 'index', range: { first: 4, count: 1 } }]);
      expect(page.rows.map(({ id }) => id)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
      expect((await checkMetadata(lab.context)).findings).toContainEqual(
        expect.objectContaining({ versionUid: 'v1', block: 4, count: 1, problem: 'index' }),
      );
      lab.sql("UPDATE versions SET valid = 0 WHERE uid = 'v1'");
      expect(await lab.meta.validateWhole(['v1'])).toEqual([]);
    });

    test('is mended by the advice', async () => {
      lab.sql('REINDEX');
      expect(await lab.meta.blockPage('v1', 3, 1)).toMatchObject([{ id: 4, uid: 'v1-4', checksum: checksum('v1', 4) }]);
    });
  });
});

test('an entry of the primary key that leads to another row is an error for restore, scrub and image views', async () => {
  lab = await CoreLab.create();
  const context = { ...lab.context, settings: { ...lab.context.settings, workers: undefined } };
  const { uid } = await backup(context, { source: lab.source(noise(GEOMETRY.sizeBytes, 'image')), name: 'vm' });
  await damage({ index: 'sqlite_autoindex_blocks_1', key: [uid, 3], rowid: 4, wrong: 5 });
  const error = { code: 'database', data: { uid, block: 3 } };
  const target = `file://${join(lab.folder, 'target')}`;
  const request = { uid, target, sparse: false, force: false, discard: false, fromId: 0 };
  await expect(restore(context, request, runInline)).rejects.toMatchObject(error);
  await expect(scrub(context, { uid, percent: 100 })).rejects.toMatchObject(error);
  const images = await OpenImages.create(context, () => {});
  const view = await images.open(uid);
  const kinds = new Set<string>();
  await view.read(0, GEOMETRY.sizeBytes, (piece) => void kinds.add(piece.kind));
  expect([...kinds]).toEqual(['failed']);
  await images.close();
});

describe('an entry of the checksums that leads to another row', () => {
  const sum = checksum('v1', 4);
  beforeEach(async () => {
    await make('classic', ['v1', 'v2']);
    await damage({ index: 'ix_blocks_checksum', key: [sum], rowid: 5, wrong: 4 });
  });

  test('gives dedup no blob of another content', async () => {
    const keys = [3, 4].map((id) => ({ checksum: checksum('v1', id), size: BLOCK_SIZE }));
    const found = await lab.meta.findBlobs(keys, 0);
    expect([...found.values()].map(({ uid }) => uid)).toEqual(['v1-3']);
  });

  test('heals no row of another content', async () => {
    await lab.meta.markBlobsInvalid([{ uid: 'v1-3', checksum: checksum('v1', 3) }]);
    expect(await lab.meta.heal([{ uid: 'new', checksum: sum, size: BLOCK_SIZE, ...PLAIN }])).toMatchObject({ blocks: 0 });
    expect(await lab.meta.blocksById('v1', [3])).toMatchObject([{ uid: 'v1-3', valid: false }]);
  });
});

describe('an entry of the maps that leads to the map of another version', () => {
  beforeEach(async () => {
    await make('compact', ['v0', 'v1', 'v2']);
    await damage({ index: 'sqlite_autoindex_backy2_maps_1', key: ['v1'], rowid: 2, wrong: 3 });
  });

  test.each(Object.entries(READERS))('is an error for %s', async (_, read) => {
    await expect(read()).rejects.toMatchObject({
      ...{ code: 'database', data: { uid: 'v1' } },
      message: expect.stringContaining('leads from version v1 to the map of another version'),
    });
    expect(await count('v2')).toBe(BLOCKS);
  });
});
