import { expect, it } from 'vitest';
import { roundHalfToEven } from '../../../../src/core/reports/du.ts';

it.each([
  [61_442.5, 61_442, 'as recorded: half of 122885'],
  [27_991.67, 27_992, 'as recorded'],
  [30_039.666, 30_040, 'as recorded'],
  [0.5, 0, ''],
  [1.5, 2, ''],
  [2.5, 2, ''],
  [1 + 3 / 7, 1, 'as recorded: 10 bytes used seven times'],
  [2 ** 43 + 0.5, 2 ** 43, 'many bytes'],
  [0, 0, ''],
])('an estimate of %d bytes is %i (%s)', (value, rounded) => {
  expect(roundHalfToEven(value)).toBe(rounded);
});
