import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Contiguous } from '../../../../src/core/restore/contiguous.ts';

describe('Contiguous', () => {
  it('knows the last block before the first gap, in whatever order blocks end', () => {
    const shuffled = fc
      .integer({ min: 0, max: 5 })
      .chain((first) => fc.tuple(fc.constant(first), fc.shuffledSubarray(Array.from({ length: 20 }, (_, i) => first + i))));
    fc.assert(
      fc.property(shuffled, ([first, ids]) => {
        const done = new Contiguous(first);
        for (const id of ids) done.done({ first: id, count: 1 });
        let expected = first - 1;
        while (ids.includes(expected + 1)) expected++;
        expect(done.last).toBe(expected);
      }),
    );
  });
});
