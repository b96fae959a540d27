import { createHash } from 'node:crypto';
import type { Scheduler } from '../../model/scheduler.ts';
import { backupFor, type DueBackup, type DueCheck, dueChecks } from '../reports/due.ts';
import { type Image, plusSeconds } from '../reports/schedulers.ts';

/** When a name is to be backed up. */
export interface Timing {
  /** The backup that would start now, or at {@link startAt} if that is later. */
  due: DueBackup | undefined;
  /** When the backup is to start; the start of 1970 for a first one. Undefined: never. */
  startAt: Date | undefined;
  /** When the oldest one that waits should have been made: its newest version + interval. */
  nominal: Date | undefined;
}

/**
 * Each name has a time of its own, so that they do not all start in the same minute, and so that
 * the time from one backup to the next is the interval: `due` alone would make them as early as the
 * SLA allows (docs/spec/semantics.md §18).
 */
export function timingOf(image: Image, schedulers: readonly Scheduler[], now: Date): Timing {
  const checks = dueChecks(image, schedulers, now).filter(({ scheduler }) => scheduler.keep > 0);
  const intervals = checks.map(({ scheduler }) => scheduler.intervalSeconds);
  const phase = { fraction: fractionOf(image.name), longest: Math.max(...intervals) };
  const timed = checks.map((check) => ({ check, startAt: startOf(check, phase) }));
  const first = timed.toSorted((a, b) => a.startAt.getTime() - b.startAt.getTime())[0];
  if (first === undefined) return { due: undefined, startAt: undefined, nominal: undefined };
  // A backup that is to start soon is made now too: one is enough for both.
  const from = first.startAt > now ? first.startAt : now;
  const soon = plusSeconds(from, Math.min(...intervals) / 2);
  const served = timed.filter(({ check, startAt }) => check.isDue && startAt <= soon).map(({ check }) => check);
  return { due: backupFor(image.name, served, now), startAt: first.startAt, nominal: nominalOf(first.check) };
}

/** A stable number from 0 to below 1 for each name. */
export function fractionOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}

/** Where the times of a name lie. */
interface Phase {
  fraction: number;
  /** Seconds: of the schedulers' intervals. */
  longest: number;
}

/**
 * The time of this name that is at most `window` before the newest version + interval, or a little
 * after it. Without one, a step earlier than that, until the times fit: steps are small, so that
 * there are never too many versions for `sla`. All schedulers of a name count from the same moment,
 * so that the times of a daily one are those of an hourly one too.
 */
function startOf({ scheduler, newest, dueAfter }: DueCheck, { fraction, longest }: Phase): Date {
  if (newest === undefined) return dueAfter;
  const { intervalSeconds, slaSeconds, keep } = scheduler;
  const window = Math.min(slaSeconds, intervalSeconds / 2);
  // A backup that was made by hand, or by a clock that was ahead, is not the begin of another
  // round.
  const later = window / 6;
  const nominal = newest.date.getTime() / 1000 + intervalSeconds;
  const early = modulo(nominal - Math.floor(fraction * longest) + later, intervalSeconds) - later;
  const step = Math.min(window, intervalSeconds / (3 * (keep + 1)));
  return plusSeconds(newest.date, intervalSeconds - (early <= window ? early : step * (1 - fraction / 2)));
}

function nominalOf({ scheduler, newest }: DueCheck): Date | undefined {
  return newest === undefined ? undefined : plusSeconds(newest.date, scheduler.intervalSeconds);
}

function modulo(value: number, by: number): number {
  return by === 0 ? 0 : ((value % by) + by) % by;
}
