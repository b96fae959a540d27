import { expect, it } from 'vitest';
import { Meter } from '../../../src/core/progress.ts';

const POOL = { loads: { read: 0, write: 0 } };

it('never tells of more blocks than there are', () => {
  const seen: number[] = [];
  const meter = new Meter(10, POOL, ({ doneBlocks }) => seen.push(doneBlocks));
  meter.begin('data', 0);
  for (const blocks of [4, 70, -1, 5]) meter.add(blocks, 0);
  expect(seen).toEqual([0, 4, 10, 9, 10]);
});
