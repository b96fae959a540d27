import { expect, test } from 'vitest';
import type { ScheduledVersion } from '../../../../src/core/reports/schedulers.ts';
import { type PlanInput, type PlannedBackup, planBackups } from '../../../../src/core/run/planner.ts';
import { fractionOf, timingOf } from '../../../../src/core/run/timing.ts';
import type { Job } from '../../../../src/model/job.ts';
import type { RunRecord } from '../../../../src/model/run-record.ts';
import { SCHEDULERS, simJob } from '../../../support/run/sim-world.ts';

const NOW = new Date('2026-11-23T12:00:00Z');
const HOUR = 3600;
const DAY = 86_400;
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
const version = (seconds: number, ...tags: string[]): ScheduledVersion => ({
  ...{ uid: `v${seconds}`, date: ago(seconds), valid: true, tags, expire: null },
});
const record = (name: string, changes: Partial<RunRecord> = {}): RunRecord => ({
  ...{ kind: 'job', name, job: name, host: 'node1', started: ago(60), ended: ago(60), succeeded: null, failures: 0 },
  ...{ exitCode: 0, problem: null, reported: null, hook: null, ...changes },
});

/** Plans one job for each name, with these versions. */
function plan(
  versions: Record<string, ScheduledVersion[]>,
  changes: Partial<PlanInput> & { schedulers?: string[] } = {},
): PlannedBackup[] {
  const { schedulers: names = ['daily'], ...rest } = changes;
  const schedulers = SCHEDULERS.filter(({ name }) => names.includes(name));
  return planBackups({
    jobs: Object.keys(versions).map((name) => jobWith(simJob(name, names), [name], schedulers)),
    ...{ brokenJobs: [], versions: new Map(Object.entries(versions)), records: new Map(), running: new Set() },
    ...{ host: 'node1', now: NOW, ...rest },
  });
}

function jobWith(job: Job, names: string[], schedulers = SCHEDULERS.filter(({ name }) => name === 'daily')) {
  return { job, schedulers, images: names.map((name) => ({ name, source: `file:///dev/${name}` })) };
}

const states = (entries: PlannedBackup[]) => entries.map(({ name, state }) => `${name} ${state}`);

test('a first backup is due at once, with the tags and the expire date of due', () => {
  const [entry] = plan({ web: [] }, { schedulers: ['daily', 'weekly'] });
  expect(entry).toMatchObject({ state: 'due', schedulers: ['daily', 'weekly'], since: null, until: null });
  expect(entry?.item).toMatchObject({ name: 'web', schedulers: ['daily', 'weekly'], expire: ago(-6 * 7 * DAY) });
  expect(entry?.reason).toContain('no backup');
});

test('first backups come first, then the longest overdue', () => {
  const entries = plan({
    ...{ a: [version(DAY + HOUR, 'daily')], b: [version(3 * DAY, 'daily')], c: [] },
    ...{ d: [version(HOUR, 'daily')], e: [version(2 * DAY, 'daily')] },
  });
  expect(states(entries)).toEqual(['c due', 'b due', 'e due', 'a due', 'd not due']);
  expect(entries[1]?.reason).toBe('it has been overdue for 2d');
});

test.each([
  ['invalid', { ...version(HOUR, 'daily'), valid: false }],
  ['of another scheduler', version(HOUR, 'weekly')],
  ['from the future', version(-2 * HOUR, 'daily')],
])('a version that is %s does not count', (_, newest) => {
  expect(states(plan({ web: [version(2 * DAY, 'daily'), newest] }))).toEqual(['web due']);
});

test('a scheduler that keeps nothing is never due', () => {
  const [none] = SCHEDULERS.map((scheduler) => ({ ...scheduler, keep: 0 }));
  const jobs = [{ ...jobWith(simJob('web', ['hourly']), ['web']), schedulers: none === undefined ? [] : [none] }];
  expect(plan({}, { jobs })).toMatchObject([{ state: 'not due', until: null }]);
});

test('a name has a time of its own: waiting before it, due from it on, always within its interval', () => {
  const timing = timingOf({ name: 'web', versions: [version(DAY, 'daily')] }, SCHEDULERS.slice(1, 2), NOW);
  expect(timing.nominal).toEqual(NOW);
  const startAt = timing.startAt ?? NOW;
  expect(startAt.getTime()).toBeGreaterThan(ago(6 * HOUR).getTime());
  expect(startAt.getTime()).toBeLessThanOrEqual(ago(-HOUR).getTime());
  const at = (now: Date) => states(plan({ web: [version(DAY, 'daily')] }, { now }))[0];
  expect(at(new Date(startAt.getTime() - 1))).toBe('web waits');
  expect(at(startAt)).toBe('web due');
  expect(at(ago(7 * HOUR))).toBe('web not due');
});

test('after some days each name keeps its time of day, however late single backups are', () => {
  for (const name of ['web', 'mail', 'shop', 'a', 'b', 'c', 'd']) {
    const daily = SCHEDULERS.slice(1, 2);
    let newest = new Date('2026-01-01T09:00:00Z');
    const times: number[] = [];
    for (let day = 0; day < 50; day++) {
      const versions = [{ ...version(0, 'daily'), date: newest }];
      const start = timingOf({ name, versions }, daily, newest).startAt ?? newest;
      const distance = start.getTime() - newest.getTime();
      expect(distance).toBeGreaterThanOrEqual(18 * HOUR * 1000);
      expect(distance).toBeLessThanOrEqual((DAY + HOUR) * 1000);
      times.push((start.getTime() / 1000) % DAY);
      newest = new Date(start.getTime() + ((day * 37) % 11) * 60_000);
    }
    const last = new Set(times.slice(-5).map(Math.round));
    expect(last, name).toEqual(new Set([Math.floor(fractionOf(name) * DAY)]));
  }
});

test('500 names do not start in the same minute, and missed ones are spread again', () => {
  const names = Array.from({ length: 500 }, (_, i) => `vm-${i}`);
  const starts = names.map(
    (name) => timingOf({ name, versions: [version(0, 'daily')] }, SCHEDULERS.slice(1, 2), NOW).startAt?.getTime() ?? 0,
  );
  const minutes = new Map<number, number>();
  for (const start of starts) minutes.set(Math.floor(start / 60_000), (minutes.get(Math.floor(start / 60_000)) ?? 0) + 1);
  expect(Math.max(...minutes.values())).toBeLessThan(30);
  expect(Math.max(...starts)).toBeLessThanOrEqual(ago(-DAY - HOUR).getTime());
});

test('one backup serves the schedulers whose time has come, and not those that are merely allowed', () => {
  const versions = [version(19 * HOUR, 'hourly', 'daily'), version(2 * HOUR, 'hourly')];
  const [entry] = plan({ web: versions }, { schedulers: ['hourly', 'daily'] });
  const time = timingOf({ name: 'web', versions }, SCHEDULERS.slice(1, 2), NOW).startAt ?? NOW;
  const isSoon = time.getTime() <= NOW.getTime() + (HOUR / 2) * 1000;
  expect(entry).toMatchObject({ state: 'due', schedulers: isSoon ? ['hourly', 'daily'] : ['hourly'] });
  const [late] = plan({ web: [version(2 * DAY, 'hourly', 'daily')] }, { schedulers: ['hourly', 'daily'] });
  expect(late?.schedulers).toEqual(['hourly', 'daily']);
});

test.each([
  [1, 5 * 60],
  [2, 10 * 60],
  [4, 40 * 60],
  [7, 320 * 60],
  [8, 6 * HOUR],
  [60, 6 * HOUR],
])('after %i failures of a daily backup, the next attempt waits for %i seconds', (failures, seconds) => {
  const of = (sinceEnd: number) => {
    const records = new Map([['web', record('web', { ended: ago(sinceEnd), failures, problem: 'x' })]]);
    return plan({ web: [] }, { records })[0];
  };
  expect(of(seconds - 1)).toMatchObject({ state: 'waits', until: ago(-1), item: null });
  expect(of(seconds)).toMatchObject({ state: 'due' });
});

test('a failing hourly backup waits for at most a quarter of an hour', () => {
  const records = new Map([['web', record('web', { ended: ago(15 * 60), failures: 20, problem: 'x' })]]);
  expect(plan({ web: [] }, { records, schedulers: ['hourly', 'daily'] })).toMatchObject([{ state: 'due' }]);
});

test('an attempt that died counts as a failure, one from the future makes nothing wait', () => {
  const died = new Map([['web', record('web', { started: ago(60), ended: null })]]);
  expect(plan({ web: [] }, { records: died })).toMatchObject([
    { state: 'waits', until: ago(-240), reason: expect.stringContaining('it failed') },
  ]);
  const future = new Map([['web', record('web', { ended: ago(-DAY), failures: 3 })]]);
  expect(states(plan({ web: [] }, { records: future }))).toEqual(['web due']);
});

test('what runs is not started again', () => {
  const records = new Map([['web', record('web', { ended: null })]]);
  const [entry] = plan({ web: [] }, { records, running: new Set(['web']) });
  expect(entry).toMatchObject({ state: 'running', item: null, reason: expect.stringContaining('2026-11-23 11:59:00') });
});

test('"after" that an attempt has left is run at once on its host, and with the next backup on others', () => {
  const records = new Map([['web', record('web', { hook: 'before', ended: null })]]);
  const versions = { web: [version(HOUR, 'daily')] };
  const [own] = plan(versions, { records });
  expect(own).toMatchObject({ state: 'due', item: { schedulers: [], expire: null } });
  expect(states(plan(versions, { records, host: 'node2' }))).toEqual(['web not due']);
  const [later] = plan({ web: [] }, { records, now: ago(-HOUR) });
  expect(later).toMatchObject({ state: 'due', item: { schedulers: ['daily'] } });
});

test('"after" that fails again and again waits too', () => {
  const records = new Map([['web', record('web', { hook: 'before', failures: 3, problem: 'x' })]]);
  expect(plan({ web: [version(HOUR, 'daily')] }, { records })[0]?.item).toBeNull();
});

test('a pattern leaves images to jobs of their own', () => {
  const own = jobWith(simJob('web', ['daily']), ['web']);
  const all = jobWith({ ...simJob('all', ['daily']), source: 'rbd://vms/*' }, ['web', 'mail']);
  const entries = planBackups({
    ...{ jobs: [all, own], brokenJobs: [], versions: new Map(), records: new Map(), running: new Set() },
    ...{ host: 'node1', now: NOW },
  });
  expect(entries.map(({ job, name, state }) => [job, name, state])).toEqual([
    ['all', 'mail', 'due'],
    ['web', 'web', 'due'],
  ]);
});

test('two patterns with an image of the same name: the second one says so', () => {
  const [one, two] = ['one', 'two'].map((key) => jobWith({ ...simJob(key, ['daily']), source: `rbd://${key}/*` }, ['web']));
  const entries = plan({}, { jobs: one === undefined || two === undefined ? [] : [one, two] });
  expect(entries.map(({ job, state }) => [job, state])).toEqual([
    ['one', 'due'],
    ['two', 'broken'],
  ]);
  expect(entries[1]?.reason).toContain('job one');
});

test('broken jobs are in the plan, last', () => {
  const jobs = [
    { ...jobWith(simJob('web', ['none']), []), problem: 'There is no scheduler "none".' },
    jobWith(simJob('mail', ['daily']), ['mail']),
  ];
  const entries = plan({}, { jobs, brokenJobs: [{ name: 'x', problem: 'source: is missing' }] });
  expect(entries.map(({ name, state, reason }) => [name, state, reason])).toEqual([
    ['mail', 'due', expect.anything()],
    ['web', 'broken', 'There is no scheduler "none".'],
    ['x', 'broken', 'source: is missing'],
  ]);
});
