import { isFromFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import { groupBy } from '../../model/group-by.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { type DueCheck, dueChecks } from '../reports/due.ts';
import { durationText, type Image, plusSeconds } from '../reports/schedulers.ts';
import { type Breach, type BreachKind, slaBreaches } from '../reports/sla.ts';
import { validByDate } from '../versions/valid-by-date.ts';
import type { Attempts } from './last-attempts.ts';
import type { NameStatus } from './name-status.ts';
import type { Scheduled } from './scheduling.ts';
import { type Problem, worstFirst, worstOf } from './state.ts';

/** All that is known of a name. */
export interface NameFacts extends Scheduled, Attempts {
  name: string;
  /** Oldest first. */
  versions: readonly TaggedVersion[];
  /** See {@link Image}. */
  since: Date | undefined;
  at: Date;
}

/** Judges the backups of a name (docs/spec/semantics.md §19). */
export function judgeName(facts: NameFacts): NameStatus {
  const { name, versions, since, at, schedulers, damaged, lastProblem } = facts;
  const image: Image = { name, versions, since };
  const newest = validByDate(versions, at).at(-1);
  const breaches = slaBreaches([image], schedulers, at);
  const checks = dueChecks(image, schedulers, at).filter(({ scheduler }) => scheduler.keep > 0);
  const problems = worstFirst([
    ...newestProblems({ newest, checks, schedulers, at }),
    ...damageProblems(damaged, facts.badBlocks),
    ...facts.configProblems,
    ...attemptProblems(lastProblem),
    ...checks.flatMap((check) => overdueProblems(check, at)),
    ...otherBreaches(breaches, newest),
  ]);
  return {
    ...{ name, newest, breaches, problems, lastProblem },
    state: worstOf(problems.map(({ state }) => state)),
    jobs: facts.jobs,
    schedulers: schedulers.map((scheduler) => scheduler.name),
    versions: versions.length,
    invalid: versions.filter(({ valid }) => !valid).length,
    damaged: damaged.map(({ uid }) => uid),
    badBlocks: facts.badBlocks,
    ageSeconds: newest === undefined ? null : Math.max(0, Math.floor((at.getTime() - newest.date.getTime()) / 1000)),
    nextDue: earliest(checks.map((check) => (check.newest === undefined ? at : check.dueAfter))),
    deadline: earliest(checks.flatMap((check) => (check.newest === undefined ? [] : [deadlineOf(check, check.newest.date)]))),
  };
}

/** The newest valid version, and how the schedulers see it. */
interface Newest {
  newest: TaggedVersion | undefined;
  checks: readonly DueCheck[];
  schedulers: readonly Scheduler[];
  at: Date;
}

/** Problems with the newest version, which make a name critical. */
function newestProblems({ newest, checks, schedulers, at }: Newest): Problem[] {
  if (newest === undefined)
    return [{ state: schedulers.length === 0 ? 'warning' : 'critical', text: 'There is no valid version.' }];
  return checks.flatMap((check) => {
    // A scheduler whose versions are all gone must not hide that backups have ended.
    const { date } = check.newest ?? newest;
    const deadline = deadlineOf(check, date);
    if (isFromFuture(date, at) || at <= deadline) return [];
    return [
      { state: 'critical', text: `${check.scheduler.name}: The latest backup is too old since ${toSecondsText(deadline)}.` },
    ];
  });
}

function damageProblems(damaged: readonly TaggedVersion[], badBlocks: number): Problem[] {
  const last = damaged.at(-1);
  if (last === undefined) return [];
  const why = badBlocks > 0 ? `bad blocks: ${badBlocks}` : 'blocks are missing, or its removal was stopped';
  const others = damaged.length > 1 ? ` Damaged versions: ${damaged.length}.` : '';
  return [{ state: 'critical', text: `Version ${last.uid} is damaged (${why}).${others}` }];
}

function attemptProblems(lastProblem: NameStatus['lastProblem']): Problem[] {
  if (lastProblem === null) return [];
  const { failures, text } = lastProblem;
  return [{ state: 'warning', text: failures > 1 ? `Failed ${failures} times: ${text}` : `Failed: ${text}` }];
}

/** A backup that uses up more than half of its tolerance. */
function overdueProblems(check: DueCheck, at: Date): Problem[] {
  const { scheduler, newest } = check;
  const { intervalSeconds, slaSeconds, name } = scheduler;
  if (newest === undefined || at > deadlineOf(check, newest.date)) return [];
  const expected = plusSeconds(newest.date, intervalSeconds);
  if (at <= plusSeconds(expected, slaSeconds / 2)) return [];
  const text = `${name}: The backup expected at ${toSecondsText(expected)} is late. The SLA is ${durationText(slaSeconds)}.`;
  return [{ state: 'warning', text }];
}

/** Sentences for the breaches that the table of `status` says in its own words. */
const SHORT: Partial<Record<BreachKind, (count: number) => string>> = {
  distance: (count) => `Versions made too early or too late: ${count}.`,
  oldest_too_old: () => 'Old versions were not removed.',
  future: () => 'A version is dated in the future.',
};

/** All breaches but those of {@link newestProblems}, one problem for each scheduler and kind. */
function otherBreaches(breaches: readonly Breach[], newest: TaggedVersion | undefined): Problem[] {
  const others = breaches.filter(({ kind }) => kind !== 'latest_too_old' && (kind !== 'too_few' || newest !== undefined));
  return [...groupBy(others, ({ scheduler, kind }) => `${kind} ${scheduler}`).values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const short = SHORT[first.kind];
    return [{ state: 'warning', text: short === undefined ? first.breach : `${first.scheduler}: ${short(same.length)}` }];
  });
}

function deadlineOf({ scheduler: { intervalSeconds, slaSeconds } }: DueCheck, date: Date): Date {
  return plusSeconds(date, intervalSeconds + slaSeconds);
}

function earliest(dates: readonly Date[]): Date | null {
  return dates.length === 0 ? null : new Date(Math.min(...dates.map((date) => date.getTime())));
}
