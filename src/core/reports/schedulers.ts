import { BackyError } from '../../errors.ts';
import type { Scheduler, SchedulerSettings } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** The part of a version that schedulers use. */
export type ScheduledVersion = Pick<TaggedVersion, 'uid' | 'date' | 'valid' | 'tags' | 'expire'>;

/** The versions of one name, in any order. There may be none. */
export interface Image {
  name: string;
  versions: readonly ScheduledVersion[];
  /** Only these schedulers expect it, since it has no version. Undefined: all do. */
  expectedBy?: readonly string[];
  /** When it was first seen. Undefined: it does not count as a new one. */
  since?: Date | undefined;
}

/** The schedulers to judge an image by, in the order of `schedulers`. */
export function schedulersOf({ expectedBy }: Image, schedulers: readonly Scheduler[]): readonly Scheduler[] {
  return expectedBy === undefined ? schedulers : schedulers.filter(({ name }) => expectedBy.includes(name));
}

/** Names of schedulers, and the option that gave them, for errors. */
export interface SchedulerChoice {
  names: readonly string[];
  givenBy: string;
}

/**
 * Finds schedulers by name, each once, in this order. Throws a BackyError for an empty list, an
 * unknown name, and a scheduler with a missing or wrong option.
 */
export function chooseSchedulers({ names, givenBy }: SchedulerChoice, settings: SchedulerSettings): Scheduler[] {
  if (names.length === 0) throw new BackyError('failed', `${givenBy} names no scheduler.`, { hint: namingHint(settings) });
  return [...new Set(names)].map((name) => {
    const broken = settings.brokenSchedulers.find((candidate) => candidate.name === name);
    if (broken !== undefined) throw new BackyError('config', broken.problem);
    const scheduler = settings.schedulers.find((candidate) => candidate.name === name);
    if (scheduler !== undefined) return scheduler;
    const shown = JSON.stringify(name).slice(1, -1);
    const problem = `no section [${shown}] of the configuration has the options interval, keep and sla.`;
    throw new BackyError('notFound', `There is no scheduler "${shown}", which ${givenBy} names: ${problem}`, {
      hint: namingHint(settings),
    });
  });
}

function namingHint({ schedulers, brokenSchedulers }: SchedulerSettings): string {
  const names = [...schedulers, ...brokenSchedulers].map(({ name }) => name);
  if (names.length === 0)
    return 'There are none. Add one to backy.cfg, such as a section [daily] with interval: 1d, keep: 8, sla: 6h.';
  return `There are: ${names.join(', ')}. Name them with -s, or in default_schedulers and sla_schedulers of section [DEFAULTS].`;
}

/** Versions that count for a scheduler: valid ones tagged with its name. Oldest first. */
export function countedVersions({ name }: Scheduler, versions: readonly ScheduledVersion[]): ScheduledVersion[] {
  const counted = versions.filter((version) => version.valid && version.tags.includes(name));
  return counted.sort((a, b) => a.date.getTime() - b.date.getTime());
}

/** Adds seconds, which may be negative, rounded to the millisecond. */
export function plusSeconds(date: Date, seconds: number): Date {
  return new Date(date.getTime() + Math.round(seconds * 1000));
}

const UNITS: [letter: string, seconds: number][] = [
  ['d', 86400],
  ['h', 3600],
  ['m', 60],
];

/** Formats seconds as in backy.cfg, in the largest unit without a fraction: `1d`, `90m`, `1.5s`. */
export function durationText(seconds: number): string {
  const fitting = UNITS.find(([, unit]) => seconds >= unit && seconds % unit === 0);
  return fitting === undefined ? `${seconds}s` : `${seconds / fitting[1]}${fitting[0]}`;
}
