import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockAt,
  countBlocks,
  countsOf,
  decodeLeaf,
  emptyLeaf,
  encodeLeaf,
  LEAF_BLOCKS,
  type Leaf,
  MISSING,
  ZERO,
} from '../../../../src/meta/compact/leaf.ts';

/** Stretches of blocks: [kind, number of blocks, first blob]. */
const stretches = fc.array(
  fc.tuple(
    fc.constantFrom('missing', 'zero', 'repeated', 'consecutive', 'scattered'),
    fc.integer({ min: 1, max: 400 }),
    fc.oneof(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 2 ** 34 }),
      fc.integer({ min: 2 ** 40 - 2000, max: 2 ** 40 - 1000 }),
    ),
  ),
  { maxLength: 40 },
);

function leafOf(parts: readonly [string, number, number][]): Leaf {
  const leaf = emptyLeaf();
  let at = 0;
  for (const [kind, count, first] of parts) {
    for (let i = 0; i < count && at < LEAF_BLOCKS; i++) {
      const blobs: Record<string, number> = { missing: MISSING, zero: ZERO, repeated: first, consecutive: first + i };
      leaf[at++] = blobs[kind] ?? first + ((i * 7919) % 997);
    }
  }
  return leaf;
}

describe('a leaf', () => {
  it('comes back from its bytes, whatever its blocks are', () => {
    fc.assert(
      fc.property(stretches, (parts) => {
        const leaf = leafOf(parts);
        const data = encodeLeaf(leaf);
        expect(decodeLeaf(data)).toEqual(leaf);
        expect(data.length).toBeLessThanOrEqual(6 + 5 * LEAF_BLOCKS);
        expect(encodeLeaf(decodeLeaf(data))).toEqual(data);
      }),
    );
  });

  it('gives each of its blocks by its bytes alone', () => {
    fc.assert(
      fc.property(stretches, (parts) => {
        const leaf = leafOf(parts);
        const data = encodeLeaf(leaf);
        expect(leaf.map((_, offset) => blockAt(data, offset))).toEqual(leaf);
      }),
    );
  });

  it('tells how many blocks it has, and how many are zero, by its bytes', () => {
    fc.assert(
      fc.property(stretches, (parts) => {
        const leaf = leafOf(parts);
        const zeros = leaf.filter((block) => block === ZERO).length;
        expect(countsOf(encodeLeaf(leaf))).toEqual({ blocks: countBlocks(leaf), zeros });
      }),
    );
  });

  it('has other bytes when any of its blocks differs', () => {
    fc.assert(
      fc.property(
        stretches,
        fc.integer({ min: 0, max: LEAF_BLOCKS - 1 }),
        fc.integer({ min: -1, max: 9 }),
        (parts, at, block) => {
          const leaf = leafOf(parts);
          const other = leaf.slice();
          other[at] = block;
          expect(encodeLeaf(other).equals(encodeLeaf(leaf))).toBe(leaf[at] === block);
        },
      ),
    );
  });

  it('refuses or reads other bytes, and never gives a block that no leaf can have', () => {
    fc.assert(
      fc.property(
        stretches,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: -3, max: 3 }),
        (parts, at, flip, longer) => {
          const data = encodeLeaf(leafOf(parts));
          const damaged = Buffer.concat([data, Buffer.alloc(Math.max(0, longer))]).subarray(0, data.length + longer);
          damaged[at % damaged.length] = (damaged[at % damaged.length] ?? 0) ^ flip;
          let leaf: Leaf;
          try {
            leaf = decodeLeaf(damaged);
          } catch (error) {
            expect((error as Error).message).toMatch(/^a leaf /);
            return;
          }
          expect(leaf).toHaveLength(LEAF_BLOCKS);
          expect(leaf.every((block) => block >= MISSING && Number.isSafeInteger(block))).toBe(true);
        },
      ),
    );
  });

  it.each([
    ['no block', [], '04 0000000000'],
    ['zeros alone', [['zero', 1000, 0]], '14 0000000000 8000 00000000'],
    ['consecutive blobs', [['consecutive', 1000, 5]], '14 0000000004 0000 00000001'],
    ['a short one', [['consecutive', 30, 5]], '14 0000000004 0000 00000001 801e ffffffff'],
    [
      'a blob or two',
      [
        ['repeated', 1, 9],
        ['missing', 1, 0],
        ['repeated', 1, 8],
      ],
      '04 0000000007 00000002 ffffffff 00000001',
    ],
    [
      'blobs far apart',
      [
        ['repeated', 1, 1],
        ['repeated', 1, 2 ** 32],
      ],
      '05 0000000000 0000000001 0100000000',
    ],
    [
      'blobs that just fit four bytes',
      [
        ['repeated', 1, 1],
        ['repeated', 1, 2 ** 32 - 2],
      ],
      '04 0000000000 00000001 fffffffe',
    ],
    [
      'the highest ids',
      [
        ['repeated', 1, 2 ** 40 - 2],
        ['repeated', 1, 1],
      ],
      '05 0000000000 fffffffffe 0000000001',
    ],
  ] as [string, [string, number, number][], string][])('of %s has fixed bytes', (_, parts, hex) => {
    expect(encodeLeaf(leafOf(parts)).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('counts its blocks, zeros too', () => {
    expect(countBlocks(emptyLeaf())).toBe(0);
    expect(
      countBlocks(
        leafOf([
          ['zero', 2, 0],
          ['missing', 5, 0],
          ['scattered', 3, 7],
        ]),
      ),
    ).toBe(5);
  });
});
