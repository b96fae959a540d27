import { groupBy } from '../../model/group-by.ts';
import type { BackupStats } from '../../model/reports.ts';
import { CALENDAR_DAYS, calendarStart, dayOf } from './calendar.ts';

/** Work of all backups that ended on one day (UTC). */
export interface DayActivity {
  /** The start of the day. */
  date: Date;
  backups: number;
  bytesRead: number;
  bytesWritten: number;
  durationSeconds: number;
}

/** The backups of one name in the days of the calendar. */
export interface NameActivity {
  name: string;
  backups: number;
  medianSeconds: number;
  longestSeconds: number;
  medianBytesRead: number;
  medianBytesWritten: number;
  /** Of all bytes read and all the time taken. Undefined: nothing took measurable time. */
  readPerSecond: number | undefined;
}

/** Sums backups up by day, oldest first; days without a backup are zero. */
export function activityByDay(stats: readonly BackupStats[], now: Date): DayActivity[] {
  const first = dayOf(calendarStart(now));
  const days = Array.from({ length: CALENDAR_DAYS }, (_, index) => ({
    date: new Date((first + index) * 86_400_000),
    backups: 0,
    bytesRead: 0,
    bytesWritten: 0,
    durationSeconds: 0,
  }));
  for (const { date, counters } of stats) {
    const day = days[dayOf(date) - first];
    if (day === undefined) continue;
    day.backups++;
    day.bytesRead += counters.bytesRead;
    day.bytesWritten += counters.bytesWritten;
    day.durationSeconds += counters.durationSeconds;
  }
  return days;
}

/** Sums backups up by name: those with the longest median first. */
export function activityByName(stats: readonly BackupStats[]): NameActivity[] {
  const rows = [...groupBy(stats, ({ name }) => name)].map(([name, own]) => activityOf(name, own));
  return rows.sort((a, b) => b.medianSeconds - a.medianSeconds || (a.name < b.name ? -1 : 1));
}

function activityOf(name: string, stats: readonly BackupStats[]): NameActivity {
  const of = (key: 'durationSeconds' | 'bytesRead' | 'bytesWritten') => stats.map(({ counters }) => counters[key]);
  const [seconds, read] = [of('durationSeconds'), of('bytesRead')];
  const [allSeconds, allRead] = [sum(seconds), sum(read)];
  return {
    name,
    backups: stats.length,
    medianSeconds: median(seconds),
    longestSeconds: seconds.reduce((most, one) => Math.max(most, one), 0),
    medianBytesRead: median(read),
    medianBytesWritten: median(of('bytesWritten')),
    readPerSecond: allSeconds > 0 ? allRead / allSeconds : undefined,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}

/** The lower one of the two in the middle. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}
