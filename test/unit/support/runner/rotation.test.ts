import { expect, test } from 'vitest';
import { isTurn, isTurnOf, shardText } from '../../../support/runner/rotation.ts';

const SHARDS = 3;
const NAMES = Array.from({ length: 100 }, (_, index) => `test ${index}`);

test.each([0, 7, 1000])('as many runs as there are shards cover each item once, from commit %i on', (counter) => {
  const runs = Array.from({ length: SHARDS }, (_, run) => counter + run);
  for (const index of NAMES.keys()) expect(runs.filter((run) => isTurn(index, SHARDS, run))).toHaveLength(1);
  for (const name of NAMES) expect(runs.filter((run) => isTurnOf(name, SHARDS, run))).toHaveLength(1);
});

test('shards of names have similar sizes', () => {
  for (const shard of [0, 1, 2]) {
    const count = NAMES.filter((name) => isTurnOf(name, SHARDS, shard)).length;
    expect(count).toBeGreaterThan(20);
  }
});

test('all shards can be requested', () => {
  expect(NAMES.every((name, index) => isTurn(index, SHARDS, 'all') && isTurnOf(name, SHARDS, 'all'))).toBe(true);
  expect(shardText(SHARDS, 'all')).toBe('all 3 shards');
  expect(shardText(SHARDS, 7)).toBe('shard 2 of 3');
});
