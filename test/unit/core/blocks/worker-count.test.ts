import { expect, test } from 'vitest';
import { workersFor } from '../../../../src/core/blocks/worker-count.ts';

const MIB = 1024 ** 2;

test.each([
  [0, 1],
  [1, 1],
  [32 * MIB, 1],
  [32 * MIB + 1, 2],
  [96 * MIB, 3],
  [1024 ** 4, 8],
  [Number.POSITIVE_INFINITY, 8],
])('%d bytes are worth %d of eight threads', (bytes, expected) => {
  expect(workersFor({ workers: undefined, cpus: 8 }, bytes)).toBe(expected);
});

test('a configured number is used as it is', () => {
  expect(workersFor({ workers: 5, cpus: 2 }, 512)).toBe(5);
});
