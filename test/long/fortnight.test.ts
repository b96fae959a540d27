import { afterEach, expect, test } from 'vitest';
import { isFromFuture } from '../../src/model/clock.ts';
import type { Scheduler } from '../../src/model/scheduler.ts';
import { SCHEDULERS, SimWorld, simJob } from '../support/run/sim-world.ts';

const HOUR = 3600;
const DAY = 86_400;
const START = new Date('2026-11-02T09:30:00Z');
const at = (seconds: number) => new Date(START.getTime() + seconds * 1000);

/** 50 names, with schedulers of every kind. */
const JOBS = Array.from({ length: 50 }, (_, i) => {
  if (i < 2) return simJob(`hourly-${i}`, ['hourly', 'daily', 'weekly', 'monthly']);
  if (i < 32) return simJob(`daily-${i}`, ['daily', 'weekly']);
  return i < 42 ? simJob(`weekly-${i}`, ['weekly', 'monthly']) : simJob(`monthly-${i}`, ['monthly']);
});

let world: SimWorld | undefined;
afterEach(() => world?.dispose());

/** Numbers from 0 to below 1, the same in each run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

test('a fortnight', async () => {
  const made = await SimWorld.create(START, { jobs: JOBS });
  world = made;
  const random = randomNumbers(7);
  const isFailing = (name: string, now: Date) =>
    ['hourly-1', 'daily-7'].includes(name) && now >= at(8 * DAY) && now < at(8 * DAY + 26 * HOUR);
  made.behave = (name, now) => ({ seconds: 30 + Math.floor(random() * 240), exitCode: isFailing(name, now) ? 100 : 0 });
  const isOff = (now: Date) => now >= at(5 * DAY) && now < at(6 * DAY);
  const isDeadly = (now: Date) => now >= at(10 * DAY) && now < at(12 * DAY);
  const death = (most: number) => (isDeadly(made.clock.now) && random() < 0.3 ? Math.ceil(random() * most * 2) / 2 : undefined);
  const runs: (string | null)[] = [];
  const timer = async (host: string, seconds: number) => {
    for (;;) {
      if (!isOff(made.clock.now)) {
        const runner = death(30);
        void made.run(host, { runner, job: () => death(9) }).then((summary) => runs.push(summary?.otherRun ?? null));
      }
      await made.clock.sleep(seconds);
    }
  };
  void timer('node1', 1200);
  void timer('node1', 5 * HOUR);
  void timer('node2', 2 * HOUR);

  // All first backups, then four quiet days.
  await made.clock.runTo(at(4 * HOUR));
  expect(new Set(made.begun.map(({ name }) => name)).size).toBe(50);
  for (let hour = 6; hour < 5 * 24; hour += 6) {
    await made.clock.runTo(at(hour * HOUR));
    expect(withoutHourlyRest(await made.breaches()), `hour ${hour}`).toEqual([]);
  }
  // Nothing ran for a day. Then all is caught up, longest overdue first, one backup for each name.
  await made.clock.runTo(at(6 * DAY + 3 * HOUR));
  const caughtUp = made.begun.filter(({ at: begun }) => begun >= at(6 * DAY));
  expect(caughtUp.filter(({ name }) => name.startsWith('daily')).length).toBeLessThan(40);
  expect((await made.breaches()).filter(({ breach }) => breach.includes('Latest backup is too old'))).toEqual([]);
  await made.clock.runTo(at(8 * DAY));
  expect((await made.breaches()).filter(({ breach }) => breach.includes('Latest backup is too old'))).toEqual([]);

  // Two names fail for 26 hours; nobody else notices.
  await made.clock.runTo(at(8 * DAY + 26 * HOUR));
  const late = (await made.breaches()).filter(({ breach }) => breach.includes('Latest backup is too old'));
  expect(new Set(late.map(({ name }) => name))).toEqual(new Set(['hourly-1']));
  await made.clock.runTo(at(10 * DAY));
  expect((await made.breaches()).filter(({ breach }) => breach.includes('Latest backup is too old'))).toEqual([]);
  const ofFailing = made.reports.flatMap(({ report }) => [...report.problems, ...report.resolved].map(({ name }) => name));
  expect(new Set(ofFailing)).toEqual(new Set(['hourly-1', 'daily-7']));
  // When it began, a day later, and when it was over.
  expect(ofFailing.filter((name) => name === 'hourly-1').length).toBe(3);

  // Runs and jobs die at any step for two days. Later, nothing of that is left.
  await made.clock.runTo(at(12 * DAY));
  await made.clock.runTo(at(12 * DAY + 8 * HOUR));
  expect(made.leftFrozen).toEqual([]);
  await made.clock.runTo(at(14 * DAY));
  expect((await made.breaches()).filter(({ breach }) => breach.includes('too old'))).toEqual([]);
  const tooMany = made.seen.flatMap(({ breaches }) => breaches.filter(({ breach }) => /^(?!hourly).*Too many/.test(breach)));
  expect(tooMany).toEqual([]);
  const open = (await made.meta.runRecords()).filter(({ failures, hook }) => failures > 0 || hook !== null);
  expect(open).toEqual([]);

  expect(made.violations).toEqual([]);
  expect(made.mostAtOnce).toBe(3);
  expect(runs.filter((otherRun) => otherRun !== null).length).toBeGreaterThan(10);
  for (const scheduler of SCHEDULERS) expectDistances(made, scheduler);
  expectSpread(made);
  expectUpkeep(made);
  expect((await made.meta.listVersions({})).some(({ date }) => isFromFuture(date, made.clock.now))).toBe(false);
});

/**
 * Expired ones go once a day: then hourly ones are always too many, and the oldest of them is one
 * that stays for another scheduler.
 */
function withoutHourlyRest<T extends { breach: string }>(breaches: T[]): T[] {
  return breaches.filter(({ breach }) => !/^hourly: (Too many|Version .* is not in SLA range)/.test(breach));
}

/** A backup is never made again for the same time, and none is left out. */
function expectDistances({ begun }: SimWorld, { name: tag, intervalSeconds, slaSeconds }: Scheduler): void {
  const last = new Map<string, Date>();
  for (const { name, at: time } of begun.filter(({ at: begin, tags }) => tags.includes(tag) && begin < at(8 * DAY))) {
    const before = last.get(name);
    last.set(name, time);
    if (before === undefined) continue;
    const seconds = (time.getTime() - before.getTime()) / 1000;
    expect(seconds, `${name} ${tag}`).toBeGreaterThanOrEqual(intervalSeconds - slaSeconds);
    if (time < at(5 * DAY)) expect(seconds, `${name} ${tag}`).toBeLessThanOrEqual(intervalSeconds + 1800);
  }
}

/** Daily backups of the fourth day are spread over the day. */
function expectSpread({ begun }: SimWorld): void {
  const hours = new Map<number, number>();
  for (const { name, at: time, tags } of begun) {
    if (!name.startsWith('daily') || !tags.includes('daily') || time < at(4 * DAY) || time >= at(5 * DAY)) continue;
    const hour = Math.floor(time.getTime() / 3_600_000);
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
  }
  expect(Math.max(...hours.values())).toBeLessThan(20);
  expect(hours.size).toBeGreaterThan(5);
}

/** Each step once a day, on one host at a time. */
function expectUpkeep({ steps }: SimWorld): void {
  const pruned = steps.filter(({ name, at: time }) => name === 'prune' && time < at(10 * DAY));
  expect(pruned.length).toBeGreaterThanOrEqual(9);
  expect(pruned.length).toBeLessThanOrEqual(11);
}
