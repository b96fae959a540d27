import type { SeenName } from '../../meta/name-store.ts';
import { isFromFuture } from '../../model/clock.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Image, ScheduledVersion } from './schedulers.ts';

/** Names that should have versions, and how new ones are judged. */
export interface Expectation {
  /** Only this name, and by all schedulers. Undefined: all names. */
  name: string | undefined;
  schedulers: readonly Scheduler[];
  seen: readonly SeenName[];
  /** Whether images get the time when they were first seen. */
  newByAge: boolean;
  now: Date;
}

/**
 * Groups versions by name. Adds names that have none: those that schedulers expect, and those that
 * were seen. Sorted by the bytes of the name, as the store does.
 */
export function imagesOf(versions: readonly TaggedVersion[], expectation: Expectation): Image[] {
  const { name, newByAge, now } = expectation;
  const seen = new Map(expectation.seen.map((one) => [one.name, one.since]));
  const byName = new Map<string, TaggedVersion[]>();
  for (const version of versions) {
    const known = byName.get(version.name);
    if (known === undefined) byName.set(version.name, [version]);
    else known.push(version);
  }
  const images = new Map<string, Image>([...byName].map(([key, own]) => [key, { name: key, versions: own }]));
  if (name === undefined) addExpected(images, expectation);
  else if (!images.has(name)) images.set(name, { name, versions: [] });
  if (newByAge) for (const image of images.values()) image.since = firstSeen(image.versions, seen.get(image.name), now);
  return [...images.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

function addExpected(images: Map<string, Image>, { schedulers, seen }: Expectation): void {
  // Any scheduler may have had versions of a name that was seen.
  for (const { name } of seen) if (!images.has(name)) images.set(name, { name, versions: [] });
  for (const scheduler of schedulers) {
    for (const name of scheduler.names ?? []) {
      const image = images.get(name);
      if (image === undefined) images.set(name, { name, versions: [], expectedBy: [scheduler.name] });
      else if (image.expectedBy !== undefined) image.expectedBy = [...image.expectedBy, scheduler.name];
    }
  }
}

/** The oldest known time of a name. Dates in the future tell nothing. */
function firstSeen(versions: readonly ScheduledVersion[], seen: Date | undefined, now: Date): Date | undefined {
  const dates = versions.map(({ date }) => date);
  if (seen !== undefined) dates.push(seen);
  const known = dates.filter((date) => !isFromFuture(date, now)).sort((a, b) => a.getTime() - b.getTime());
  return known[0];
}
