import { toSecondsText } from '../../model/dates.ts';
import { isPatternJob, type Job } from '../../model/job.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import { durationText, type ScheduledVersion } from '../reports/schedulers.ts';
import { retryAt } from './backoff.ts';
import type { JobImage, JobItem } from './executor.ts';
import { settled } from './job-record.ts';
import { type Timing, timingOf } from './timing.ts';

/** A job with its images, or with the reason why there are none. */
export interface JobImages {
  job: Job;
  schedulers: readonly Scheduler[];
  images: readonly JobImage[];
  /** One line: no backup of this job can be made. */
  problem?: string | undefined;
}

/** All that a plan depends on. */
export interface PlanInput {
  /** In the order of the config. */
  jobs: readonly JobImages[];
  /** Sections that can't be read. */
  brokenJobs: readonly { name: string; problem: string }[];
  /** By name. */
  versions: ReadonlyMap<string, readonly ScheduledVersion[]>;
  /** Of kind `job`, by name. */
  records: ReadonlyMap<string, RunRecord>;
  /** Names that a process works on. */
  running: ReadonlySet<string>;
  host: string;
  now: Date;
}

/**
 * An image in a plan.
 * - `due`: it is started as soon as there is a place
 * - `waits`: it is due, but for its time of its own, or after a failure
 * - `running`: a process works on it
 * - `broken`: the configuration is wrong, or the images are not known
 */
export interface PlannedBackup {
  job: string;
  /** Of the versions; the key of a broken job. */
  name: string;
  state: 'due' | 'running' | 'waits' | 'not due' | 'broken';
  /** Names of the schedulers that the next backup is for. */
  schedulers: readonly string[];
  /** When the backup should have started; null: never, or there is no backup yet. */
  since: Date | null;
  /** When it may start, if it may not start now. */
  until: Date | null;
  /** In words. */
  reason: string;
  /** Of state `due` only. */
  item: JobItem | null;
}

/**
 * Plans the backups of all jobs: first those to start, the longest overdue before others; then the
 * rest by the time when they may start (docs/spec/semantics.md §18). Pure.
 */
export function planBackups(input: PlanInput): PlannedBackup[] {
  const owners = ownersOf(input.jobs);
  const planned = input.jobs.flatMap((entry): PlannedBackup[] => {
    const { job, images, problem } = entry;
    if (problem !== undefined) return [brokenEntry(job.key, job.key, problem)];
    return images.flatMap((image) => {
      const owner = owners.get(image.name) ?? job;
      if (owner === job) return [planImage(input, entry, image)];
      if (!isPatternJob(owner)) return [];
      return [brokenEntry(job.key, image.name, `Its versions would have the same name as those of job ${owner.key}.`)];
    });
  });
  const broken = input.brokenJobs.map(({ name, problem }) => brokenEntry(name, name, problem));
  return [...planned, ...broken].sort(byUrgency);
}

/** The job of each name. A pattern leaves to other jobs what they name. */
function ownersOf(jobs: readonly JobImages[]): Map<string, Job> {
  const owners = new Map<string, Job>();
  const [patterns, others] = [true, false].map((isPattern) => jobs.filter(({ job }) => isPatternJob(job) === isPattern));
  for (const { job, images } of [...(others ?? []), ...(patterns ?? [])])
    for (const { name } of images) if (!owners.has(name)) owners.set(name, job);
  return owners;
}

function brokenEntry(job: string, name: string, reason: string): PlannedBackup {
  return { job, name, state: 'broken', schedulers: [], since: null, until: null, reason, item: null };
}

function planImage(
  { versions, records, running, host, now }: PlanInput,
  { job, schedulers }: JobImages,
  image: JobImage,
): PlannedBackup {
  const { name } = image;
  const record = records.get(name);
  const timing = timingOf({ name, versions: versions.get(name) ?? [] }, schedulers, now);
  const common = { ...baseOf(job, name, timing, now), item: null };
  if (running.has(name)) {
    const begin = record === undefined ? '' : ` since ${toSecondsText(record.started)}`;
    return { ...common, state: 'running', until: null, reason: `a process has been at work on it${begin}` };
  }
  const failed = record === undefined ? undefined : settled(record);
  const retry = retryAt(failed, Math.min(...schedulers.map(({ intervalSeconds }) => intervalSeconds)), now);
  const item = (due: Timing['due']): JobItem => ({
    ...{ ...image, job, schedulers: due?.schedulers ?? [], expire: due?.expireDate ?? null, dueSince: due?.dueSince ?? now },
  });
  const isStarting = common.since !== null || timing.startAt?.getTime() === 0;
  const isOpen = record?.hook === 'before' && record.host === host;
  if (isOpen && !(isStarting && retry === undefined) && (retry === undefined || failed?.failures === 1)) {
    const reason = 'an earlier attempt died before its "after" had ended: "after" is run now';
    return { ...common, state: 'due', until: null, reason, item: item(undefined) };
  }
  if (timing.startAt === undefined) return { ...common, state: 'not due', until: null, reason: 'its schedulers keep no backup' };
  if (timing.due !== undefined && retry !== undefined) {
    const until = retry > timing.startAt ? retry : timing.startAt;
    const times = failed?.failures === 1 ? 'it failed' : `it failed ${failed?.failures} times in a row`;
    return { ...common, state: 'waits', until, reason: `${times}: the next attempt is after ${toSecondsText(until)}` };
  }
  if (isStarting) return { ...common, state: 'due', until: null, reason: whyNow(timing, now), item: item(timing.due) };
  const state = timing.due === undefined ? 'not due' : 'waits';
  return { ...common, state, until: timing.startAt, reason: `its time is ${toSecondsText(timing.startAt)}` };
}

/** The parts of an entry that do not depend on its state. */
function baseOf(
  job: Job,
  name: string,
  { due, startAt }: Timing,
  now: Date,
): Pick<PlannedBackup, 'job' | 'name' | 'schedulers' | 'since'> {
  const isLate = due !== undefined && startAt !== undefined && startAt.getTime() > 0 && startAt <= now;
  return { job: job.key, name, schedulers: due?.schedulers ?? [], since: isLate ? startAt : null };
}

function whyNow({ startAt, nominal }: Timing, now: Date): string {
  if (startAt === undefined || nominal === undefined) return 'there is no backup for one of its schedulers yet';
  if (now <= nominal) return `its time was ${toSecondsText(startAt)}`;
  const late = Math.floor((now.getTime() - nominal.getTime()) / 60_000) * 60;
  return late < 60 ? 'it is overdue' : `it has been overdue for ${durationText(late)}`;
}

const RANKS = ['due', 'running', 'waits', 'not due', 'broken'];

function byUrgency(a: PlannedBackup, b: PlannedBackup): number {
  if (a.state !== b.state) return RANKS.indexOf(a.state) - RANKS.indexOf(b.state);
  return timeOf(a) - timeOf(b);
}

/** Attempts that died come first, then first backups. */
function timeOf({ state, item, since, until }: PlannedBackup): number {
  if (state !== 'due') return until?.getTime() ?? 0;
  return item?.schedulers.length === 0 ? -1 : (since?.getTime() ?? 0);
}
