import { BackyError } from '../../errors.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** What backy.cfg says of schedulers. */
export interface SchedulerSettings {
  schedulers: readonly Scheduler[];
  /** Sections with missing or wrong options, and one line that says which. */
  brokenSchedulers: readonly { name: string; problem: string }[];
  /** What `due` looks at when it is not told. */
  defaultSchedulers: readonly string[];
  /** What `sla` looks at when it is not told. */
  slaSchedulers: readonly string[];
}

/** What schedulers look at of a version. */
export type ScheduledVersion = Pick<TaggedVersion, 'uid' | 'date' | 'valid' | 'tags'>;

/** All versions of one name, in any order. A name may have none. */
export interface Image {
  name: string;
  versions: readonly ScheduledVersion[];
}

/** Names of schedulers, and what gave them, for errors. */
export interface SchedulerChoice {
  names: readonly string[];
  givenBy: string;
}

/** The schedulers of these names, each once, in this order. No name, an unknown one, and one with a missing or wrong option are errors. */
export function chooseSchedulers({ names, givenBy }: SchedulerChoice, settings: SchedulerSettings): Scheduler[] {
  if (names.length === 0) throw new BackyError('failed', `${givenBy} names no scheduler.`, { hint: howToName(settings) });
  return [...new Set(names)].map((name) => {
    const broken = settings.brokenSchedulers.find((candidate) => candidate.name === name);
    if (broken !== undefined) throw new BackyError('config', broken.problem);
    const scheduler = settings.schedulers.find((candidate) => candidate.name === name);
    if (scheduler !== undefined) return scheduler;
    const shown = JSON.stringify(name).slice(1, -1);
    const problem = `no section [${shown}] of the configuration has the options interval, keep and sla.`;
    throw new BackyError('notFound', `There is no scheduler "${shown}", which ${givenBy} names: ${problem}`, {
      hint: howToName(settings),
    });
  });
}

function howToName({ schedulers, brokenSchedulers }: SchedulerSettings): string {
  const names = [...schedulers, ...brokenSchedulers].map(({ name }) => name);
  if (names.length === 0)
    return 'There are none. Add one to backy.cfg, such as a section [daily] with interval: 1d, keep: 8, sla: 6h.';
  return `There are: ${names.join(', ')}. Name them with -s, or in default_schedulers and sla_schedulers of section [DEFAULTS].`;
}

/** The versions that count for a scheduler, oldest first: valid ones with its name among their tags. */
export function countedVersions({ name }: Scheduler, versions: readonly ScheduledVersion[]): ScheduledVersion[] {
  const counted = versions.filter((version) => version.valid && version.tags.includes(name));
  return counted.sort((a, b) => a.date.getTime() - b.date.getTime());
}

/** The time so many seconds after `date`, before it if negative; to the millisecond. */
export function plusSeconds(date: Date, seconds: number): Date {
  return new Date(date.getTime() + Math.round(seconds * 1000));
}

const UNITS: [letter: string, seconds: number][] = [
  ['d', 86400],
  ['h', 3600],
  ['m', 60],
];

/** Seconds as backy.cfg has them, in the largest unit that fits: `1d`, `90m`, `1.5s`. */
export function durationText(seconds: number): string {
  const fitting = UNITS.find(([, unit]) => seconds >= unit && seconds % unit === 0);
  return fitting === undefined ? `${seconds}s` : `${seconds / fitting[1]}${fitting[0]}`;
}
