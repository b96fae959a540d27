import { isFromFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import { countedVersions, durationText, type Image, plusSeconds, type ScheduledVersion, schedulersOf } from './schedulers.ts';

/** Kinds of breaches. The first two mean that backups are missing now. */
export type BreachKind = 'latest_too_old' | 'too_few' | 'too_many' | 'distance' | 'oldest_too_old' | 'future';

/** A violation of a scheduler's SLA by the backups of an image. */
export interface Breach {
  name: string;
  /** The scheduler's name. */
  scheduler: string;
  kind: BreachKind;
  /**
   * The scheduler's name, `: `, and a sentence. It is the original's wording, since scripts may
   * match it.
   */
  breach: string;
}

/** Allowed versions beyond `keep`: one that expires today, and one that was just made. */
const EXTRA_VERSIONS = 2;

/**
 * Allowed age of the oldest version beyond the schedule, since expired ones are removed once a day.
 */
const REMOVAL_INTERVAL_SECONDS = 86400;

/**
 * Lists all breaches, ordered as the images, then as the schedulers (docs/spec/semantics.md, "due
 * and sla").
 */
export function slaBreaches(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): Breach[] {
  return images.flatMap((image) =>
    schedulersOf(image, schedulers).flatMap((scheduler) =>
      breachesOf(checkOf(image, scheduler, now)).map(([kind, text]) => ({
        ...{ name: image.name, scheduler: scheduler.name, kind },
        breach: `${scheduler.name}: ${text}`,
      })),
    ),
  );
}

/** Explains the input of {@link slaBreaches}, one line for each image and scheduler. */
export function explainSla(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): string[] {
  return images.flatMap((image) =>
    schedulersOf(image, schedulers).map((scheduler) => explain(image.name, checkOf(image, scheduler, now))),
  );
}

/** A breach of one image and scheduler: its kind, and a sentence. */
type KindAndText = readonly [kind: BreachKind, text: string];

/** Input of the breaches of one image and scheduler. */
interface SlaCheck {
  scheduler: Scheduler;
  /** Versions that count for the scheduler, oldest first. */
  counted: readonly ScheduledVersion[];
  /** Number of versions that there must be: `keep`, or fewer for a new name. */
  expected: number;
  now: Date;
}

function checkOf(image: Image, scheduler: Scheduler, now: Date): SlaCheck {
  const counted = withoutOthers(scheduler, countedVersions(scheduler, image.versions), now);
  return { scheduler, counted, expected: expectedCount(image, scheduler, now), now };
}

/**
 * Leaves out versions that are too old for the scheduler, but stay for one with longer intervals,
 * to which they belong too. The newest always counts.
 */
function withoutOthers(scheduler: Scheduler, versions: readonly ScheduledVersion[], now: Date): ScheduledVersion[] {
  const oldestAllowed = oldestAllowedDate(scheduler, now);
  const newest = versions.at(-1);
  return versions.filter((version) => version === newest || version.date >= oldestAllowed || !isKept(version, now));
}

/** Whether a version's expire date says that it is to be there: expired ones go once a day. */
function isKept({ expire }: ScheduledVersion, now: Date): boolean {
  return expire !== null && plusSeconds(expire, REMOVAL_INTERVAL_SECONDS) >= now;
}

/**
 * Number of versions that a name must have. A new one has had time for fewer than `keep`: for one
 * in each interval, if all of them were as late as the SLA allows. A name without any version is
 * never a new one.
 */
function expectedCount({ since, versions }: Image, { keep, intervalSeconds, slaSeconds }: Scheduler, now: Date): number {
  if (since === undefined || versions.length === 0) return keep;
  const ageSeconds = Math.max(0, now.getTime() - since.getTime()) / 1000;
  if (ageSeconds >= keep * intervalSeconds) return keep;
  // As for the age of the latest backup, the last moment is still in time.
  return Math.min(keep, Math.max(0, Math.ceil(ageSeconds / (intervalSeconds + slaSeconds)) - 1));
}

function breachesOf({ scheduler, counted: versions, expected, now }: SlaCheck): KindAndText[] {
  const { intervalSeconds, slaSeconds } = scheduler;
  const breaches = countBreaches(scheduler, versions.length, expected);
  const dated = versions.filter(({ date }) => !isFromFuture(date, now));
  const latest = versions.at(-1);
  if (latest !== undefined && dated.length < versions.length)
    breaches.push([
      'future',
      `Backup dated in the future. Found version_uid ${latest.uid} with backup date ${toSecondsText(latest.date)}.`,
    ]);
  const [oldest] = dated;
  const newest = dated.at(-1);
  if (oldest === undefined || newest === undefined) return breaches;
  const dueSince = plusSeconds(newest.date, intervalSeconds + slaSeconds);
  if (now > dueSince)
    breaches.push([
      'latest_too_old',
      `Latest backup is too old. Version ${newest.uid} has date ${toSecondsText(newest.date)}, new backup due since ${toSecondsText(dueSince)}.`,
    ]);
  breaches.push(...distanceBreaches(scheduler, dated));
  const oldestAllowed = oldestAllowedDate(scheduler, now);
  if (oldest.date < oldestAllowed && !isKept(oldest, now))
    breaches.push([
      'oldest_too_old',
      `Backup too old. Found version_uid ${oldest.uid} with backup date ${toSecondsText(oldest.date)}. Oldest allowed date is ${toSecondsText(oldestAllowed)}.`,
    ]);
  return breaches;
}

function countBreaches({ keep }: Scheduler, found: number, expected: number): KindAndText[] {
  if (found < expected) return [['too_few', `Too few backups. Found ${found}, should be ${expected}.`]];
  if (found > keep + EXTRA_VERSIONS) return [['too_many', `Too many backups. Found ${found}, should be ${keep}.`]];
  return [];
}

/** Breaches of versions that follow their predecessor too early or too late. */
function distanceBreaches({ intervalSeconds, slaSeconds }: Scheduler, versions: readonly ScheduledVersion[]): KindAndText[] {
  return versions.slice(1).flatMap(({ uid, date }, index) => {
    // The slice starts one later, so this index is the predecessor's.
    const before = versions[index]?.date ?? date;
    const [from, to] = [plusSeconds(before, intervalSeconds - slaSeconds), plusSeconds(before, intervalSeconds + slaSeconds)];
    if (date >= from && date <= to) return [];
    return [
      [
        'distance',
        `Version ${uid} is not in SLA range. It was created at ${toSecondsText(date)} and should be between ${toSecondsText(from)} and ${toSecondsText(to)}.`,
      ],
    ];
  });
}

function oldestAllowedDate({ keep, intervalSeconds, slaSeconds }: Scheduler, now: Date): Date {
  return plusSeconds(now, -(keep * intervalSeconds + slaSeconds + REMOVAL_INTERVAL_SECONDS));
}

function explain(name: string, { scheduler, counted, expected, now }: SlaCheck): string {
  const { keep, intervalSeconds, slaSeconds } = scheduler;
  const dates = [counted[0], counted.at(-1)].map((version) => version && toSecondsText(version.date));
  const found = counted.length === 0 ? 'none' : `${counted.length}, from ${dates[0]} to ${dates[1]}`;
  return (
    `SLA: Valid backups of ${name} with the tag ${scheduler.name}: ${found}. Keep is ${keep}${expected < keep ? ` (${expected} by its age)` : ''}, ` +
    `interval is ${durationText(intervalSeconds)}, SLA is ${durationText(slaSeconds)}. Now is ${toSecondsText(now)}.`
  );
}
