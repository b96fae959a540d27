import { expect, test } from 'vitest';
import { allowedCalls, updated } from '../../support/runner/costs/table.ts';

test.each([
  [0, 2],
  [6, 8],
  [10, 13],
  [100, 130],
])('a file whose row has %i calls may make %i', (calls, allowed) => {
  expect(allowedCalls(calls)).toBe(allowed);
});

test('a row keeps the calls of other shards', () => {
  const row = updated({ calls: { '1/3': 5 }, starts: 1, cpuSeconds: 2 }, '2/3', { calls: 7, starts: 3, cpuSeconds: 4.06 });
  expect(row).toEqual({ calls: { '1/3': 5, '2/3': 7 }, starts: 3, cpuSeconds: 4.1 });
});
