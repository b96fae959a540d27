import { expect, test } from 'vitest';
import { activityByDay, activityByName } from '../../../../src/core/monitor/activity.ts';
import { CALENDAR_DAYS, calendarOf, calendarStart } from '../../../../src/core/monitor/calendar.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';

const NOW = new Date('2026-11-30T06:00:00Z');
const FIRST = new Date('2026-09-02T00:00:00Z');

const version = (uid: string, date: string, valid = true) => ({ uid, name: 'vm', date: new Date(date), valid });
const backup = (versionUid: string, date: string, counters = {}) => ({
  ...{ versionUid, name: 'vm', date: new Date(date), size: 1, sizeBytes: 1 },
  counters: { ...NO_COUNTS, ...counters },
});

test('a calendar ends today, and its days are those of UTC', () => {
  expect(calendarStart(NOW)).toEqual(FIRST);
  const versions = [version('a', '2026-09-02T00:00:00Z'), version('b', '2026-11-30T23:59:59.999Z')];
  const days = calendarOf({ versions, stats: [] }, NOW).get('vm');
  expect(days).toHaveLength(CALENDAR_DAYS);
  expect(days?.at(0)).toEqual({ kept: 1, removed: 0, invalid: 0 });
  expect(days?.at(-1)).toEqual({ kept: 1, removed: 0, invalid: 0 });
  expect(days?.filter((day) => day !== undefined)).toHaveLength(2);
});

test('dates outside of the calendar, and dates that are none, do not count', () => {
  const versions = ['2026-09-01T23:59:59Z', '2026-12-01T00:00:00Z', 'no date'].map((date, index) => version(String(index), date));
  expect(calendarOf({ versions, stats: [] }, NOW).size).toBe(0);
});

test('a version that is there counts once; statistics alone tell of a removed one', () => {
  const versions = [version('kept', '2026-11-28T01:00:00Z'), version('bad', '2026-11-29T01:00:00Z', false)];
  const stats = [
    backup('kept', '2026-11-28T02:00:00Z'),
    backup('gone', '2026-11-28T03:00:00Z'),
    backup('bad', '2026-11-29T02:00:00Z'),
  ];
  const days = calendarOf({ versions, stats }, NOW).get('vm');
  expect(days?.slice(-3)).toEqual([{ kept: 1, removed: 1, invalid: 0 }, { kept: 0, removed: 0, invalid: 1 }, undefined]);
});

test('activity is summed up by day, and days without a backup are zero', () => {
  const days = activityByDay(
    [backup('a', '2026-11-30T01:00:00Z', { bytesRead: 5 }), backup('b', '2026-11-30T02:00:00Z', { bytesRead: 7 })],
    NOW,
  );
  expect(days).toHaveLength(CALENDAR_DAYS);
  expect(days[0]).toEqual({ date: FIRST, backups: 0, bytesRead: 0, bytesWritten: 0, durationSeconds: 0 });
  expect(days.at(-1)).toMatchObject({ backups: 2, bytesRead: 12 });
});

test('names are sorted by their median duration, and the rate is that of all their backups', () => {
  const of = (name: string, ...seconds: number[]) =>
    seconds.map((durationSeconds) => ({ ...backup(name, '2026-11-30T01:00:00Z', { durationSeconds, bytesRead: 100 }), name }));
  const rows = activityByName([...of('quick', 1, 1, 100), ...of('slow', 10, 20, 30), ...of('none', 0)]);
  expect(rows.map(({ name, medianSeconds }) => [name, medianSeconds])).toEqual([
    ['slow', 20],
    ['quick', 1],
    ['none', 0],
  ]);
  expect(rows[0]).toMatchObject({ backups: 3, longestSeconds: 30, readPerSecond: 5 });
  expect(rows[2]?.readPerSecond).toBeUndefined();
});
