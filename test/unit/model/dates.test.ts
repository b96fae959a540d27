import { describe, expect, it } from 'vitest';
import { clockTime, fromStoredDate, toSecondsText, toStoredDate } from '../../../src/model/dates.ts';

describe('stored dates', () => {
  it('are written with six digits of a second, in UTC', () => {
    expect(toStoredDate(new Date('2026-11-23T04:42:24.910Z'))).toBe('2026-11-23 04:42:24.910000');
    expect(toSecondsText(new Date('2026-11-23T04:42:24.910Z'))).toBe('2026-11-23 04:42:24');
  });

  it.each([
    ['2026-11-23 04:42:24.910747', '2026-11-23T04:42:24.910Z'],
    ['2026-11-23 04:42:24', '2026-11-23T04:42:24.000Z'],
    ['2030-01-02', '2030-01-02T00:00:00.000Z'],
    ['0001-01-01 00:00:00.000000', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31 00:00:00.000000', '9999-12-31T00:00:00.000Z'],
  ])('read %s', (text, iso) => {
    expect(fromStoredDate(text).toISOString()).toBe(iso);
  });

  it('do not read anything else', () => {
    expect(fromStoredDate('soon').getTime()).toBeNaN();
  });
});

it('a time of the day is local, and not before the time itself', () => {
  expect(clockTime(new Date(2026, 10, 23, 19, 4))).toBe('19:04');
  expect(clockTime(new Date(2026, 10, 23, 19, 3, 0, 1))).toBe('19:04');
  expect(clockTime(new Date(2026, 10, 23, 23, 59, 30))).toBe('00:00');
});
