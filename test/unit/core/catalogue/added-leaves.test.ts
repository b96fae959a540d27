import { describe, expect, test } from 'vitest';
import { AddedLeaves } from '../../../../src/core/catalogue/added-leaves.ts';
import type { FillPage } from '../../../../src/meta/fill-store.ts';
import { zeroBlock } from '../../../../src/model/block.ts';

const FOLDER = 'f';

/** Rows of blocks, of which some are bad. */
function rows(first: number, count: number, bad: readonly number[] = []): FillPage {
  return Array.from({ length: count }, (_, i) => ({ ...zeroBlock(first + i, 1), valid: !bad.includes(first + i) }));
}

async function add(added: AddedLeaves, list: string[], pages: FillPage[], folder = FOLDER) {
  added.begin({ versionUid: `v-${list.join('')}`, folder, list });
  const seen: FillPage[] = [];
  for await (const page of added.note(some(pages))) seen.push(page);
  expect(seen).toEqual(pages);
}

async function* some<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}

/** The leaves that are found at each leaf of the next version: how many, and their rows. */
function foundFor(added: AddedLeaves, list: string[], folder = FOLDER) {
  added.begin({ versionUid: 'next', folder, list });
  return list.map((_, leaf) => added.find(leaf)).map((found) => (found === undefined ? '-' : `${found.leaves}: ${found.rows}`));
}

describe('leaves of the version before', () => {
  test('are found in the same place, where a leaf of the compact layout begins', async () => {
    const added = new AddedLeaves();
    expect(foundFor(added, ['a', 'b'])).toEqual(['-', '-']);
    await add(added, ['a', 'b', 'c', 'd'], [rows(0, 1000), rows(1000, 1000)]);
    expect(foundFor(added, ['a', 'b', 'c', 'd'])).toEqual(['2: 1000', '-', '2: 1000', '-']);
    expect(foundFor(added, ['a', 'b', 'c', 'x'])).toEqual(['2: 1000', '-', '-', '-']);
    expect(foundFor(added, ['x', 'b', 'c', 'd'])).toEqual(['-', '-', '2: 1000', '-']);
    expect(foundFor(added, ['b', 'a', 'd', 'c'])).toEqual(['-', '-', '-', '-']);
    expect(foundFor(added, ['c', 'd', 'a', 'b'])).toEqual(['-', '-', '-', '-']);
  });

  test('are not found in another folder, nor where one image ends before the other', async () => {
    const added = new AddedLeaves();
    await add(added, ['a', 'b', 'c'], [rows(0, 1300)]);
    expect(foundFor(added, ['a', 'b', 'c'], 'other')).toEqual(['-', '-', '-']);
    expect(foundFor(added, ['a', 'b', 'c'])).toEqual(['2: 1000', '-', '1: 300']);
    expect(foundFor(added, ['a', 'b', 'c', 'd'])).toEqual(['2: 1000', '-', '-', '-']);
    expect(foundFor(added, ['a'])).toEqual(['-']);
  });

  test('are not found if a row is bad, or a leaf could not be read', async () => {
    const added = new AddedLeaves();
    await add(added, ['a', 'b', 'c', 'd', 'e', 'f'], [rows(0, 1000, [3]), rows(1000, 500), rows(2000, 1000)]);
    expect(foundFor(added, ['a', 'b', 'c', 'd', 'e', 'f'])).toEqual(['-', '-', '-', '-', '2: 1000', '-']);
  });

  test('may have no rows, but not all of those that are found', async () => {
    const added = new AddedLeaves();
    await add(added, ['empty', 'empty', 'empty', 'b'], [rows(1500, 500)]);
    expect(foundFor(added, ['empty', 'empty', 'empty', 'b'])).toEqual(['-', '-', '2: 500', '-']);
  });

  test('are found again after they were copied', async () => {
    const added = new AddedLeaves();
    await add(added, ['a', 'b', 'c', 'd'], [rows(0, 1000), rows(1000, 1000, [1700])]);
    const copied = { versionUid: 'v-abcd', blocks: { first: 0, count: 1000 }, rows: 1000 };
    await add(added, ['a', 'b', 'c', 'x'], [copied, rows(1000, 1000)]);
    expect(foundFor(added, ['a', 'b', 'c', 'x'])).toEqual(['2: 1000', '-', '2: 1000', '-']);
    expect(added.find(0)?.versionUid).toBe('v-abcx');
  });
});
