import { isFromFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import { countedVersions, durationText, type Image, plusSeconds, type ScheduledVersion } from './schedulers.ts';

/** One way in which the backups of an image are not as a scheduler wants them. */
export interface Breach {
  name: string;
  /** The scheduler's name, `: `, and a sentence: the original's wording, which scripts may look for. */
  breach: string;
}

/** More than this many beyond `keep` are too many: one that expires today, and one that was just made. */
const SPARE_VERSIONS = 2;

/** The oldest version may be this much older than the schedule: expired ones are removed once a day. */
const REMOVAL_SECONDS = 86400;

/** All breaches, in the order of images, then schedulers (semantics.md, "due and sla"). */
export function slaBreaches(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): Breach[] {
  return images.flatMap(({ name, versions }) =>
    schedulers.flatMap((scheduler) =>
      breachesOf(scheduler, countedVersions(scheduler, versions), now).map((text) => ({
        name,
        breach: `${scheduler.name}: ${text}`,
      })),
    ),
  );
}

/** One line for each image and scheduler that says what {@link slaBreaches} looks at. */
export function explainSla(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): string[] {
  return images.flatMap(({ name, versions }) =>
    schedulers.map((scheduler) => explain(name, { scheduler, counted: countedVersions(scheduler, versions), now })),
  );
}

/** @param versions those that count, oldest first. */
function breachesOf(scheduler: Scheduler, versions: readonly ScheduledVersion[], now: Date): string[] {
  const { intervalSeconds, slaSeconds } = scheduler;
  const breaches = countBreaches(scheduler, versions.length);
  const dated = versions.filter(({ date }) => !isFromFuture(date, now));
  const latest = versions.at(-1);
  if (latest !== undefined && dated.length < versions.length)
    breaches.push(`Backup dated in the future. Found version_uid ${latest.uid} with backup date ${toSecondsText(latest.date)}.`);
  const [oldest, newest] = [dated[0], dated.at(-1)];
  if (oldest === undefined || newest === undefined) return breaches;
  const dueSince = plusSeconds(newest.date, intervalSeconds + slaSeconds);
  if (now > dueSince)
    breaches.push(
      `Latest backup is too old. Version ${newest.uid} has date ${toSecondsText(newest.date)}, new backup due since ${toSecondsText(dueSince)}.`,
    );
  breaches.push(...distanceBreaches(scheduler, dated));
  const oldestAllowed = oldestAllowedDate(scheduler, now);
  if (oldest.date < oldestAllowed)
    breaches.push(
      `Backup too old. Found version_uid ${oldest.uid} with backup date ${toSecondsText(oldest.date)}. Oldest allowed date is ${toSecondsText(oldestAllowed)}.`,
    );
  return breaches;
}

function countBreaches({ keep }: Scheduler, found: number): string[] {
  if (found < keep) return [`Too few backups. Found ${found}, should be ${keep}.`];
  if (found > keep + SPARE_VERSIONS) return [`Too many backups. Found ${found}, should be ${keep}.`];
  return [];
}

/** Versions that follow their predecessor too early or too late. */
function distanceBreaches({ intervalSeconds, slaSeconds }: Scheduler, versions: readonly ScheduledVersion[]): string[] {
  return versions.slice(1).flatMap(({ uid, date }, index) => {
    // The slice begins one later, so this is the one before.
    const before = versions[index]?.date ?? date;
    const [from, to] = [plusSeconds(before, intervalSeconds - slaSeconds), plusSeconds(before, intervalSeconds + slaSeconds)];
    if (date >= from && date <= to) return [];
    return [
      `Version ${uid} is not in SLA range. It was created at ${toSecondsText(date)} and should be between ${toSecondsText(from)} and ${toSecondsText(to)}.`,
    ];
  });
}

function oldestAllowedDate({ keep, intervalSeconds, slaSeconds }: Scheduler, now: Date): Date {
  return plusSeconds(now, -(keep * intervalSeconds + slaSeconds + REMOVAL_SECONDS));
}

function explain(
  name: string,
  { scheduler, counted, now }: { scheduler: Scheduler; counted: readonly ScheduledVersion[]; now: Date },
): string {
  const { keep, intervalSeconds, slaSeconds } = scheduler;
  const dates = [counted[0], counted.at(-1)].map((version) => version && toSecondsText(version.date));
  const found = counted.length === 0 ? 'none' : `${counted.length}, from ${dates[0]} to ${dates[1]}`;
  return (
    `SLA: Valid backups of ${name} with the tag ${scheduler.name}: ${found}. Keep is ${keep}, ` +
    `interval is ${durationText(intervalSeconds)}, SLA is ${durationText(slaSeconds)}. Now is ${toSecondsText(now)}.`
  );
}
