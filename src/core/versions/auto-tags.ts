import dayjs from 'dayjs';
import utc from 'dayjs/plugin/utc.js';
import { isFromFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';

dayjs.extend(utc);

/**
 * Tags of a backup without `-t` (docs/spec/semantics.md, backup). Whole days in UTC count.
 * - b_daily unless a version from today has it,
 * - b_weekly unless a version younger than 7 days has it,
 * - b_monthly unless a version younger than a calendar month has it.
 * @param versions of the same name: valid ones, and those being backed up.
 */
export function autoTags(versions: readonly TaggedVersion[], now: Date): string[] {
  const today = dayjs.utc(now).startOf('day');
  const newestAllowed = {
    b_daily: today,
    b_weekly: today.subtract(6, 'day'),
    b_monthly: today.subtract(1, 'month').add(1, 'day'),
  };
  // A version from the future would prevent these tags until its date.
  const dated = versions.filter(({ date }) => !isFromFuture(date, now));
  return Object.entries(newestAllowed)
    .filter(([tag, since]) => !dated.some((version) => version.tags.includes(tag) && !dayjs.utc(version.date).isBefore(since)))
    .map(([tag]) => tag);
}
