import { isFromFuture } from '../../model/clock.ts';
import type { SchedulerSettings } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { isNewer, type RuledVersion } from './removal-rule.ts';

/** The part of a version that its schedulers judge. */
export type KeptByTags = RuledVersion & Pick<TaggedVersion, 'tags'>;

/** Which schedulers there are. */
type Schedulers = Pick<SchedulerSettings, 'schedulers' | 'brokenSchedulers'>;

/**
 * Finds the versions that each of their schedulers has enough newer ones of: valid versions of the
 * name with its tag, at least `keep` (docs/spec/semantics.md §15). A date that is damaged or from
 * the future says nothing: such versions neither count nor go. Nor do versions of broken schedulers
 * and of none.
 * @param versions MUST hold all versions of each name. @returns uids.
 */
export function beyondKeep(
  versions: readonly KeptByTags[],
  { schedulers, brokenSchedulers }: Schedulers,
  now: Date,
): Set<string> {
  const broken = new Set(brokenSchedulers.map(({ name }) => name));
  const dated = versions.filter(({ date }) => !Number.isNaN(date.getTime()) && !isFromFuture(date, now));
  const lasts = new Map(schedulers.map(({ name, keep }) => [name, lastKept(dated, name, keep)]));
  const isBeyond = (version: KeptByTags, scheduler: string) => {
    const last = lasts.get(scheduler)?.get(version.name);
    return last === 'none' || (last !== undefined && isNewer(last, version));
  };
  const beyond = dated.filter((version) => {
    const own = version.tags.filter((tag) => lasts.has(tag));
    return own.length > 0 && !version.tags.some((tag) => broken.has(tag)) && own.every((tag) => isBeyond(version, tag));
  });
  return new Set(beyond.map(({ uid }) => uid));
}

/** By name: the oldest version that a scheduler keeps; `none`: it keeps no version. */
type LastKept = Map<string, KeptByTags | 'none'>;

/** A name with fewer versions than `keep` is left out. */
function lastKept(dated: readonly KeptByTags[], tag: string, keep: number): LastKept {
  const byName = new Map<string, KeptByTags[]>();
  for (const version of dated) {
    if (!version.tags.includes(tag)) continue;
    const counted = byName.get(version.name) ?? [];
    if (version.valid) counted.push(version);
    byName.set(version.name, counted);
  }
  const lasts: LastKept = new Map();
  for (const [name, counted] of byName) {
    const last = keep === 0 ? 'none' : counted.sort((a, b) => (isNewer(a, b) ? -1 : 1))[keep - 1];
    if (last !== undefined) lasts.set(name, last);
  }
  return lasts;
}
