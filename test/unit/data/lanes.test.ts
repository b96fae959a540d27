import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inOrder } from '../../../src/data/lanes.ts';

it('results come in the order of the items, and only some are under way at once', async () => {
  let [underWay, most] = [0, 0];
  const work = async (n: number) => {
    most = Math.max(most, ++underWay);
    await sleep(n % 3);
    underWay--;
    return 10 * n;
  };
  const results: number[] = [];
  for await (const result of inOrder([1, 2, 3, 4, 5, 6, 7], 3, work)) results.push(result);
  expect(results).toEqual([10, 20, 30, 40, 50, 60, 70]);
  expect(most).toBe(3);
});

it('a failure comes in its turn, and no item begins after it', async () => {
  const begun: number[] = [];
  const work = async (n: number) => {
    begun.push(n);
    if (n >= 2) throw new Error(`no ${n}`);
    return n;
  };
  const results: number[] = [];
  const all = async () => {
    for await (const result of inOrder([1, 2, 3, 4, 5, 6], 3, work)) results.push(result);
  };
  await expect(all()).rejects.toThrow('no 2');
  expect(results).toEqual([1]);
  expect(begun).toEqual([1, 2, 3, 4]);
});
