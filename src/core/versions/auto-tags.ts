import dayjs from 'dayjs';
import utc from 'dayjs/plugin/utc.js';
import { isFromFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';

dayjs.extend(utc);

/**
 * Tags of a backup that names none (semantics.md, backup): b_daily unless the image has one from today, b_weekly unless it
 * has one younger than 7 days, b_monthly unless younger than a calendar month. Whole days, UTC.
 * @param versions all versions of the same name.
 */
export function autoTags(versions: readonly TaggedVersion[], now: Date): string[] {
  const today = dayjs.utc(now).startOf('day');
  const newestAllowed = {
    b_daily: today,
    b_weekly: today.subtract(6, 'day'),
    b_monthly: today.subtract(1, 'month').add(1, 'day'),
  };
  // One from the future would keep all tags away until then.
  const dated = versions.filter(({ date }) => !isFromFuture(date, now));
  return Object.entries(newestAllowed)
    .filter(([tag, since]) => !dated.some((version) => version.tags.includes(tag) && !dayjs.utc(version.date).isBefore(since)))
    .map(([tag]) => tag);
}
