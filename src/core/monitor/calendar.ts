import type { BackupStats } from '../../model/reports.ts';
import type { Version } from '../../model/version.ts';

/** Days of a calendar, today included. */
export const CALENDAR_DAYS = 90;

const DAY_MS = 86_400_000;

/** The backups of one name on one day (UTC). */
export interface CalendarDay {
  /** Valid versions that are there. */
  kept: number;
  /** Backups whose version was removed since. */
  removed: number;
  /** Invalid versions that are there: unfinished, failed or damaged. */
  invalid: number;
}

/** The days of each name, oldest first; a day without a backup has no entry. */
export type Calendar = ReadonlyMap<string, readonly (CalendarDay | undefined)[]>;

/** The source of a calendar. */
interface CalendarSource {
  versions: readonly Pick<Version, 'uid' | 'name' | 'date' | 'valid'>[];
  /** Statistics outlive their versions: they tell of removed ones. */
  stats: readonly Pick<BackupStats, 'versionUid' | 'name' | 'date'>[];
}

/** The start of the first day of a calendar that ends today. */
export function calendarStart(now: Date): Date {
  return new Date((dayOf(now) - CALENDAR_DAYS + 1) * DAY_MS);
}

/** Counts the backups of each name by day. Dates outside of the calendar don't count. */
export function calendarOf({ versions, stats }: CalendarSource, now: Date): Calendar {
  const first = dayOf(calendarStart(now));
  const calendar = new Map<string, (CalendarDay | undefined)[]>();
  const count = (name: string, date: Date, kind: keyof CalendarDay) => {
    const index = dayOf(date) - first;
    if (!(index >= 0 && index < CALENDAR_DAYS)) return;
    let days = calendar.get(name);
    if (days === undefined) {
      days = new Array<undefined>(CALENDAR_DAYS).fill(undefined);
      calendar.set(name, days);
    }
    const day = days[index] ?? { kept: 0, removed: 0, invalid: 0 };
    day[kind]++;
    days[index] = day;
  };
  const there = new Set<string>();
  for (const { uid, name, date, valid } of versions) {
    there.add(uid);
    count(name, date, valid ? 'kept' : 'invalid');
  }
  for (const { versionUid, name, date } of stats) if (!there.has(versionUid)) count(name, date, 'removed');
  return calendar;
}

/** Days since 1970 (UTC). */
export function dayOf(date: Date): number {
  return Math.floor(date.getTime() / DAY_MS);
}
