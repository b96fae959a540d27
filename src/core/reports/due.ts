import { BackyError } from '../../errors.ts';
import { isFromFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import { countedVersions, durationText, type Image, plusSeconds, type ScheduledVersion, schedulersOf } from './schedulers.ts';

/** A backup that is due. */
export interface DueBackup {
  name: string;
  /** Names of the schedulers that are due. Use them as tags of the backup. */
  schedulers: string[];
  /** The latest expire date of these schedulers. */
  expireDate: Date;
  /** The earliest time at which one became due; the start of 1970 without an earlier backup. */
  dueSince: Date;
}

/** Result of one scheduler for one image. */
export interface DueCheck {
  scheduler: Scheduler;
  /**
   * The newest version that counts. Versions from the future do not: their real date is unknown.
   */
  newest: ScheduledVersion | undefined;
  /** True when a version is dated in the future. */
  hasFuture: boolean;
  /** The next backup is due after this time. */
  dueAfter: Date;
  isDue: boolean;
}

/**
 * Lists the backups that are due, ordered by `dueSince`, then as in `images`. Schedulers keep their
 * order.
 */
export function dueBackups(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): DueBackup[] {
  const rows = images.map((image) => backupFor(image.name, dueChecks(image, schedulers, now), now));
  return rows.filter((row) => row !== undefined).sort((a, b) => a.dueSince.getTime() - b.dueSince.getTime());
}

/** Explains the result of {@link dueBackups}, one line for each image and scheduler. */
export function explainDue(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): string[] {
  return images.flatMap((image) => dueChecks(image, schedulers, now).map((check) => explain(image.name, check, now)));
}

/**
 * Applies docs/spec/semantics.md, "due and sla", in the order of `schedulers`. A scheduler that
 * keeps no backup is never due.
 */
export function dueChecks(image: Image, schedulers: readonly Scheduler[], now: Date): DueCheck[] {
  return schedulersOf(image, schedulers).map((scheduler) => {
    const { intervalSeconds, slaSeconds, keep } = scheduler;
    const counted = countedVersions(scheduler, image.versions);
    const newest = counted.filter(({ date }) => !isFromFuture(date, now)).at(-1);
    const dueAfter = newest === undefined ? new Date(0) : plusSeconds(newest.date, intervalSeconds - slaSeconds);
    const hasFuture = counted.some(({ date }) => isFromFuture(date, now));
    return { scheduler, newest, hasFuture, dueAfter, isDue: keep > 0 && (newest === undefined || now > dueAfter) };
  });
}

/** The backup that serves all checks that are due; undefined if none is. */
export function backupFor(name: string, checks: readonly DueCheck[], now: Date): DueBackup | undefined {
  const due = checks.filter((check) => check.isDue);
  if (due.length === 0) return undefined;
  return {
    name,
    schedulers: due.map(({ scheduler }) => scheduler.name),
    expireDate: new Date(Math.max(...due.map(({ scheduler }) => expireDate(scheduler, now).getTime()))),
    dueSince: new Date(Math.min(...due.map(({ dueAfter }) => dueAfter.getTime()))),
  };
}

/** The latest date with a year of four digits, as `backup -e` needs it. */
const LAST_DATE = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

function expireDate({ name, intervalSeconds, keep }: Scheduler, now: Date): Date {
  const date = plusSeconds(now, (keep + 1) * intervalSeconds);
  // Negated, so that an invalid date is refused too.
  if (!(date.getTime() <= LAST_DATE))
    throw new BackyError(
      'config',
      `[${name}] keep: ${keep} intervals of ${durationText(intervalSeconds)} end after the year 9999.`,
      {
        hint: 'Keep fewer backups.',
      },
    );
  return date;
}

function explain(name: string, { scheduler, newest, hasFuture, dueAfter, isDue }: DueCheck, now: Date): string {
  const { intervalSeconds, slaSeconds, keep } = scheduler;
  if (keep === 0) return `DUE: The scheduler ${scheduler.name} keeps no backup (keep is 0), so ${name} is not due.`;
  if (newest === undefined)
    return `DUE: There is no valid backup of ${name} with the tag ${scheduler.name}${hasFuture ? ' that is not dated in the future' : ''}, so it is due since ${toSecondsText(dueAfter)}.`;
  return (
    `DUE: Last backup of ${name} with the tag ${scheduler.name} was at ${toSecondsText(newest.date)}. ` +
    `Interval is ${durationText(intervalSeconds)}, SLA is ${durationText(slaSeconds)}, so the next is due after ${toSecondsText(dueAfter)}. ` +
    `Now is ${toSecondsText(now)}, so it is ${isDue ? 'due' : 'not due'}.`
  );
}
