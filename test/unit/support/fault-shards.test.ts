import { describe, expect, test } from 'vitest';
import { deal, inOrder, randomOf } from '../../support/faults/deal.ts';
import { type Outcome, silences } from '../../support/faults/outcome.ts';

const SHARDS = 7;
const points = Array.from({ length: 300 }, (_, n) => `EIO at read ${n} on data`);
const name = (point: string) => point;
const dealt = (some: readonly string[], counter: number | 'all', seed = 1) => deal(some, name, { shards: SHARDS, seed, counter });

describe('points of faults', () => {
  test('are each covered once by as many runs in a row as there are shards', () => {
    const runs = Array.from({ length: SHARDS }, (_, n) => dealt(points, 1000 + n));
    expect(runs.flat().sort()).toEqual([...points].sort());
    for (const run of runs) expect(run.length).toBeGreaterThan(points.length / SHARDS / 2);
  });

  test('keep their shard when others are added', () => {
    const before = new Set(points);
    const after = dealt([...Array.from({ length: 40 }, (_, n) => `EIO at write ${n} on data`), ...points], 3);
    expect(after.filter((point) => before.has(point)).sort()).toEqual(dealt(points, 3).sort());
  });

  test('come in an order that depends only on the seed', () => {
    expect(dealt(points, 3, 2).sort()).toEqual(dealt(points, 3, 1).sort());
    expect(dealt(points, 3, 2)).not.toEqual(dealt(points, 3, 1));
    expect(inOrder([...points].reverse(), name, 5)).toEqual(inOrder(points, name, 5));
  });

  test('are all tried in a run of all shards', () => {
    expect(dealt(points, 'all').sort()).toEqual([...points].sort());
  });

  test('have random numbers of their own', () => {
    expect(randomOf('a', 1)()).toBe(randomOf('a', 1)());
    expect(randomOf('a', 1)()).not.toBe(randomOf('b', 1)());
    expect(randomOf('a', 1)()).not.toBe(randomOf('a', 2)());
  });
});

function outcome(some: Partial<Outcome>): Outcome {
  const counts = { possible: 100, dealt: 4, tried: 4, struck: 4 };
  return { operation: 'backup', family: 'errno', ...counts, failures: [], ...some };
}

describe('a sweep', () => {
  test('passes if some points of a family miss', () => {
    expect(silences([outcome({ struck: 0 }), outcome({ operation: 'rm', struck: 1 })])).toEqual([]);
    expect(silences([outcome({}), outcome({ family: 'flip', dealt: 0, tried: 0, struck: 0 })])).toEqual([]);
  });

  test('proves nothing if no fault struck', () => {
    expect(silences([])).toEqual(['no fault struck at all']);
  });

  test('proves nothing about a family of which none struck, tried or not', () => {
    const kills = { family: 'kill', dealt: 2, struck: 0 } as const;
    expect(silences([outcome({}), outcome({ ...kills, tried: 1 }), outcome({ ...kills, tried: 0 })])).toEqual([
      'kill: none of 4 points struck',
    ]);
  });

  test('proves nothing about an operation of which five points of a family missed', () => {
    const silent = outcome({ operation: 'rm', dealt: 5, tried: 5, struck: 0 });
    expect(silences([outcome({}), silent])).toEqual(['rm, errno: none of 5 points struck']);
  });
});
