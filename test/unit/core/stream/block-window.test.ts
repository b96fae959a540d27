import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import { BlockReader } from '../../../../src/core/serve/block-reader.ts';
import { BlockWindow } from '../../../../src/core/stream/block-window.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 30;
const image = noise(BLOCKS * BLOCK_SIZE, 'window');
/** Divides the cache so that a window has four blocks. */
const READERS = (256 * 1024 ** 2) / BLOCK_SIZE / 4;

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

it('a window reads no more blocks than it has room for, and gives them in order', async () => {
  const context = { ...lab.context, settings: { ...lab.context.settings, workers: undefined } };
  const { meta, signal } = context;
  const { uid } = await backup(context, { source: lab.source(image), name: 'vm' });
  const reader = new BlockReader(context, { blockSize: BLOCK_SIZE, blocks: BLOCKS, readers: READERS, onFailure: () => {} });
  expect(reader.aheadBlocks).toBe(4);
  const read = vi.spyOn(reader, 'read');
  const geometry = { blockSize: BLOCK_SIZE, sizeBytes: image.length };
  const window = new BlockWindow({ meta, version: await lab.version(uid), fromId: 0, geometry, reader, signal });
  const places = new Set<number>();
  let taken = 0;
  for (let item = await window.next(); item !== undefined; item = await window.next()) {
    if (item.kind !== 'data') throw new Error(`block ${taken} is ${item.kind}`);
    expect(image.compare(item.bytes, 0, BLOCK_SIZE, taken * BLOCK_SIZE, (taken + 1) * BLOCK_SIZE)).toBe(0);
    expect(read.mock.calls.length - taken).toBeLessThanOrEqual(4);
    places.add(item.bytes.byteOffset);
    item.release();
    taken++;
  }
  await reader.close();
  expect(taken).toBe(BLOCKS);
  expect(places.size).toBeLessThanOrEqual(4);
});
