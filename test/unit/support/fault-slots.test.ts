import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Slots } from '../../support/faults/slots.ts';

test('jobs run two at a time, first come, first served, also after one that fails', async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  let [running, most] = [0, 0];
  const job = async (n: number) => {
    begun.push(n);
    most = Math.max(most, ++running);
    await turn();
    running--;
    if (n === 1) throw new Error('job 1 failed');
  };
  const ends = await Promise.allSettled([0, 1, 2, 3, 4, 5, 6].map((n) => slots.use(() => job(n))));
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(most).toBe(2);
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  // Both slots are free again, and no more than both.
  await Promise.all([7, 8, 9].map((n) => slots.use(() => job(n))));
  expect(most).toBe(2);
  expect(running).toBe(0);
});
