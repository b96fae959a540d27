import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlobSet } from '../../../../src/meta/compact/blob-set.ts';

/** Near each other, at the ends of pages, and far apart. */
const ids = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 2 ** 20 - 3, max: 2 ** 20 + 3 }),
  fc.constantFrom(2 ** 31, 2 ** 32 + 5, 2 ** 40 - 1),
);
const changes = fc.array(fc.tuple(fc.boolean(), ids), { maxLength: 60 });

it('has what a set of numbers has, in order', () => {
  fc.assert(
    fc.property(changes, ids, ids, (made, first, last) => {
      const [set, expected] = [new BlobSet(), new Set<number>()];
      for (const [isAdded, id] of made) {
        if (isAdded) set.add(id);
        else set.delete(id);
        if (isAdded) expected.add(id);
        else expected.delete(id);
        expect(set.has(id)).toBe(isAdded);
      }
      const sorted = [...expected].sort((a, b) => a - b);
      expect(set.lowest()).toBe(sorted[0]);
      expect([...set.between(first, last)]).toEqual(sorted.filter((id) => id >= first && id <= last));
    }),
  );
});

it('ignores the removal of zero and missing blocks', () => {
  const set = new BlobSet();
  set.add(1);
  for (const block of [0, -1]) set.delete(block);
  expect([...set.between(0, 10)]).toEqual([1]);
});
