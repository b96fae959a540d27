import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BlobOfBlock } from '../../../src/model/block.ts';
import { compareBlobs } from '../../../src/model/comparison.ts';

const MOST_IDS = 12;

/** The blobs of blocks by id; undefined: the version has no such block. */
const version = fc.array(fc.option(fc.constantFrom('a', 'b', null), { nil: undefined }), { maxLength: MOST_IDS });

function rows(blobs: (string | null | undefined)[]): BlobOfBlock[] {
  return blobs.flatMap((uid, id) => (uid === undefined ? [] : [{ id, uid }]));
}

it('lists each block of both versions once, in order, in as few ranges as can be', () => {
  fc.assert(
    fc.property(version, version, fc.integer({ min: -1, max: MOST_IDS + 1 }), (left, right, last) => {
      const wanted = Array.from({ length: last + 1 }, (_, id) => ({ id, mine: left[id], other: right[id] }))
        .filter(({ mine, other }) => mine !== undefined || other !== undefined)
        .map(({ id, mine, other }) => {
          if (mine === undefined) return { change: 'NEW RIGHT', id };
          if (other === undefined) return { change: 'NEW LEFT', id };
          return { change: mine === other ? 'SAME' : 'DIFF', id };
        });
      const ranges = compareBlobs(rows(left), rows(right), last);
      const blocks = ranges.flatMap(({ change, first, count }) =>
        Array.from({ length: count }, (_, i) => ({ change, id: first + i })),
      );
      expect(blocks).toEqual(wanted);
      for (const [i, { change, first }] of ranges.entries()) {
        const before = ranges[i - 1];
        if (before?.change === change) expect(before.first + before.count).toBeLessThan(first);
      }
    }),
  );
});
