import { expect, test } from 'vitest';
import { distanceText, durationText, minuteText, sizeText } from '../../../../src/cli/report/format.ts';
import { unitFor } from '../../../../src/cli/report/units.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '0.98 KiB'],
  [1536, '1.50 KiB'],
  [10 * 2 ** 30, '10.0 GiB'],
  [999.6 * 2 ** 20, '0.98 GiB'],
  [1.42 * 2 ** 40, '1.42 TiB'],
  [2 ** 70, '1024 EiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min'],
  [750, '12 min'],
  [200, '3 min 20 s'],
  [12_000, '3 h 20 min'],
  [86_400, '1 d'],
  [20.9 * 86_400, '20 d'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test('a time is told by its distance from now', () => {
  const now = new Date('2026-11-30T06:00:00Z');
  expect(distanceText(new Date('2026-11-30T03:00:00Z'), now)).toBe('3 h ago');
  expect(distanceText(new Date('2026-12-02T06:00:00Z'), now)).toBe('in 2 d');
  expect(distanceText(now, now)).toBe('now');
  expect(minuteText(new Date(Number.NaN))).toBe('invalid date');
});

test('an axis has a unit of which there are at least two', () => {
  expect(unitFor('bytes', 3 * 2 ** 40)).toEqual({ name: 'TiB', size: 2 ** 40 });
  expect(unitFor('bytes', 1.9 * 2 ** 40).name).toBe('GiB');
  expect(unitFor('seconds', 7200).name).toBe('h');
  expect(unitFor('seconds', 0).name).toBe('s');
  expect(unitFor('count', 5).name).toBe('');
});
