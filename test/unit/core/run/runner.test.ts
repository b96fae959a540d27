import { afterEach, expect, test } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { CurrentPlan } from '../../../../src/core/run/current-plan.ts';
import { dueSteps } from '../../../../src/core/run/upkeep.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { RUN_DEFAULTS } from '../../../../src/model/job.ts';
import type { RunRecord } from '../../../../src/model/run-record.ts';
import { SCHEDULERS, SimWorld, simJob } from '../../../support/run/sim-world.ts';

const START = new Date('2026-11-02T09:30:00Z');
const HOUR = 3600;
const at = (seconds: number) => new Date(START.getTime() + seconds * 1000);

let world: SimWorld | undefined;
afterEach(() => world?.dispose());

async function worldOf(names: string[], settings: Partial<Context['settings']> = {}): Promise<SimWorld> {
  world = await SimWorld.create(START, { jobs: names.map((name) => simJob(name, ['daily'])), ...settings });
  return world;
}

/** Runs to the end. */
async function runOf(made: SimWorld, request: Parameters<SimWorld['run']>[2] = {}) {
  const work = made.run('node1', {}, request);
  await made.clock.runTo(new Date(made.clock.now.getTime() + HOUR * 1000));
  return work;
}

test('the summary has a row for each backup and each step, in the order of their end', async () => {
  const made = await worldOf(['web', 'mail']);
  const summary = await runOf(made);
  expect(summary?.rows.map(({ kind, name, state }) => `${kind} ${name} ${state}`)).toEqual([
    ...['job web done', 'job mail done'],
    ...['step prune done', 'step cleanup done', 'step sla done', 'step space done'],
  ]);
  expect(summary).toMatchObject({ exitCode: 0, otherRun: null });
  expect(await made.meta.findRunRecord({ kind: 'run', name: 'run' })).toMatchObject({
    failures: 0,
    host: 'node1',
    started: START,
  });
  expect((await runOf(made))?.rows).toEqual([]);
});

test('steps that are switched off are not done, scrub only when it is asked for', async () => {
  const made = await worldOf([], { run: { ...RUN_DEFAULTS, prune: 'no', scrubPercent: 4 } });
  expect((await runOf(made))?.rows.map(({ name }) => name)).toEqual(['scrub', 'sla', 'space']);
});

test('without upkeep, or with jobs that are named, only backups are made', async () => {
  const made = await worldOf(['web', 'mail']);
  const summary = await runOf(made, { jobs: ['mail'], upkeep: false });
  expect(summary?.rows.map(({ name }) => name)).toEqual(['mail']);
  await expect(made.run('node1', {}, { jobs: ['nothing'] })).rejects.toMatchObject({
    code: 'notFound',
    hint: 'There are: web, mail.',
  });
});

test('a failure does not stop the others; its exit code is that of the run, unless data is bad', async () => {
  const made = await worldOf(['web', 'mail', 'shop']);
  const codes = new Map([
    ['web', 22],
    ['mail', 20],
  ]);
  made.behave = (name) => ({ seconds: 60, exitCode: codes.get(name) ?? 0 });
  const summary = await runOf(made, { upkeep: false });
  expect(summary?.rows.map(({ state }) => state).sort()).toEqual(['done', 'failed', 'failed']);
  expect(summary?.exitCode).toBe(20);
  codes.delete('mail');
  expect((await runOf(made, { upkeep: false }))?.exitCode).toBe(22);
});

test('a second run on the host does nothing, one on another host takes what is left', async () => {
  const made = await worldOf(['a', 'b', 'c', 'd', 'e']);
  const runs = [made.run('node1'), made.run('node1'), made.run('node2')];
  await made.clock.runTo(at(HOUR));
  const [first, second, other] = await Promise.all(runs);
  expect(second).toEqual({ rows: [], exitCode: 0, otherRun: expect.any(String) });
  const done = [...(first?.rows ?? []), ...(other?.rows ?? [])].filter(({ kind, state }) => kind === 'job' && state === 'done');
  expect(done.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(new Set(made.begun.map(({ host }) => host))).toEqual(new Set(['node1', 'node2']));
  expect([made.steps.length, made.violations]).toEqual([4, []]);
});

test('a problem is reported once, then after a day, and once when it is over', async () => {
  const made = await worldOf(['web', 'mail']);
  let isBroken = true;
  made.behave = (name) => ({ seconds: 60, exitCode: isBroken && name === 'web' ? 22 : 0 });
  for (let hour = 0; hour < 30; hour++) await runOf(made);
  expect(made.reports.length).toBe(2);
  expect(made.reports[0]?.report).toEqual({
    problems: [
      {
        ...{ kind: 'job', name: 'web', job: 'web', exitCode: 22, message: 'The source is gone.', lines: [] },
        ...{ since: START, failures: 1 },
      },
    ],
    resolved: [],
  });
  expect((made.reports[1]?.at.getTime() ?? 0) - (made.reports[0]?.at.getTime() ?? 0)).toBeGreaterThanOrEqual(23 * HOUR * 1000);
  isBroken = false;
  for (let hour = 0; hour < 8; hour++) await runOf(made);
  expect(made.reports.slice(2).map(({ report }) => report)).toEqual([
    { problems: [], resolved: [{ kind: 'job', name: 'web', job: 'web' }] },
  ]);
});

test('a report that fails is made again, also by the next run', async () => {
  const made = await worldOf(['web'], { run: { ...RUN_DEFAULTS, prune: 'no' } });
  made.behave = () => ({ seconds: 60, exitCode: 1 });
  made.reportSucceeds = false;
  await runOf(made);
  // While the upkeep works, and at the end.
  expect(made.reports.length).toBe(2);
  made.reportSucceeds = true;
  await runOf(made);
  await runOf(made);
  expect(made.reports.length).toBe(3);
});

test('a broken job fails, and is reported, while others are made; it is over once the job is right or gone', async () => {
  const broken = { name: 'x', problem: '[job:x] source: is missing' };
  const made = await worldOf(['web'], { brokenJobs: [broken] });
  const errors: string[] = [];
  made.base.logger = { ...silentLogger, error: (text) => errors.push(text) };
  const summary = await runOf(made);
  expect(summary?.rows.slice(0, 2)).toMatchObject([
    { name: 'x', state: 'failed', exitCode: 1, problem: broken.problem },
    { name: 'web', state: 'done' },
  ]);
  expect(errors).toEqual([`x: ${broken.problem}`]);
  await runOf(made);
  expect(made.reports.map(({ report }) => report.problems.map(({ name, failures }) => [name, failures]))).toEqual([[['x', 1]]]);
  made.base.settings.brokenJobs = [];
  await runOf(made);
  await runOf(made);
  expect(made.reports.slice(1).map(({ report }) => report.resolved)).toEqual([[{ kind: 'job', name: 'x', job: 'x' }]]);
  await runOf(made);
  expect(await made.meta.findRunRecord({ kind: 'job', name: 'x' })).toBeUndefined();
});

test('a job that dies has its "after" run in the same run, and is tried again after a while', async () => {
  const made = await worldOf(['web']);
  // After the fifth call: it has recorded that `before` begins.
  const deaths = [5];
  const work = made.run('node1', { job: () => deaths.pop() }, { upkeep: false });
  await made.clock.runTo(at(60));
  expect((await work)?.rows.map(({ state, exitCode }) => [state, exitCode])).toEqual([
    ['failed', 137],
    ['done', 0],
  ]);
  expect(made.leftFrozen).toEqual([]);
  expect(await made.meta.findRunRecord({ kind: 'job', name: 'web' })).toMatchObject({
    failures: 1,
    problem: 'It was killed.',
    hook: null,
  });
  const waiting = await runOf(made, { upkeep: false });
  expect(waiting?.rows).toMatchObject([{ name: 'web', state: 'waits', problem: 'It was killed.' }]);
  expect((await runOf(made, { upkeep: false }))?.rows).toMatchObject([{ name: 'web', state: 'done' }]);
});

test('a dead run leaves its jobs alone: the next one lets them work', async () => {
  const made = await worldOf(['web']);
  made.behave = () => ({ seconds: 1800 });
  expect(await made.run('node1', { runner: 4 })).toBeUndefined();
  await made.clock.runTo(at(60));
  expect(made.begun.length).toBe(1);
  const [next] = await Promise.all([made.run('node1', {}, { upkeep: false }), made.clock.runTo(at(120))]);
  expect(next?.rows).toEqual([]);
  await made.clock.runTo(at(HOUR));
  expect((await made.meta.listVersions({ name: 'web' })).map(({ valid }) => valid)).toEqual([true]);
  expect([made.begun.length, made.violations]).toEqual([1, []]);
});

test('a stop waits for the jobs that work, and starts no more', async () => {
  const made = await worldOf(['a', 'b', 'c', 'd', 'e']);
  const aborter = new AbortController();
  made.base.signal = aborter.signal;
  const work = made.run('node1');
  const ended = expect(work).rejects.toThrow('stopped');
  await made.clock.runTo(at(60));
  aborter.abort(new Error('stopped'));
  await made.clock.runTo(at(HOUR));
  await ended;
  expect([made.begun.length, made.steps.length]).toEqual([3, 0]);
  expect((await made.meta.listVersions({})).every(({ valid }) => valid)).toBe(true);
});

test('hourly backups are made while a long one runs', async () => {
  const made = await worldOf([], { jobs: [simJob('large', ['daily']), simJob('web', ['hourly'])] });
  made.behave = (name) => ({ seconds: name === 'large' ? 10 * HOUR : 60 });
  const work = made.run('node1');
  await made.clock.runTo(at(11 * HOUR));
  await work;
  const hours = made.begun.filter(({ name }) => name === 'web').length;
  expect(hours).toBeGreaterThanOrEqual(10);
  expect(hours).toBeLessThanOrEqual(12);
});

/** Calls `then` at the first call of a method of the database that `holds`. */
function onCall(made: SimWorld, method: keyof Context['meta'], holds: (argument: unknown) => boolean, then: () => void): void {
  const meta = made.base.meta;
  made.base.meta = new Proxy(meta, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      return (...rest: unknown[]) => {
        if (name === method && holds(rest[0])) then();
        return Reflect.apply(found, target, rest) as unknown;
      };
    },
  });
}

test.each([
  ['backup', 'runRecords', (made: SimWorld) => made.begun.length === 1 && made.clock.now > at(60)],
  ['step', 'findRunRecord', (_: SimWorld, key: unknown) => (key as { name: string }).name === 'prune'],
] as const)('a stop while the next %s is looked for starts none', async (_, method, isThen) => {
  const made = await worldOf(['a', 'b'], { run: { ...RUN_DEFAULTS, parallel: 1 } });
  const aborter = new AbortController();
  made.base.signal = aborter.signal;
  let begun = -1;
  onCall(
    made,
    method,
    (key) => begun < 0 && isThen(made, key),
    () => {
      begun = made.begun.length;
      aborter.abort(new Error('stopped'));
    },
  );
  const ended = expect(made.run('node1')).rejects.toThrow('stopped');
  await made.clock.runTo(at(HOUR));
  await ended;
  expect([made.begun.length, made.steps]).toEqual([begun, []]);
  expect((await made.meta.runRecords()).filter(({ kind }) => kind === 'step')).toEqual([]);
});

test('a process that fails before it can record that is a problem, waits and is reported', async () => {
  const made = await worldOf(['web']);
  const summary = await runOf(made, { upkeep: false });
  expect(summary?.rows).toMatchObject([{ state: 'done' }]);
  await made.clock.runTo(at(26 * HOUR));
  const work = made.run('node1', { job: () => 0.5 }, { upkeep: false });
  await made.clock.runTo(at(26 * HOUR + 60));
  expect((await work)?.rows).toMatchObject([{ state: 'failed', exitCode: 137 }]);
  const record = { failures: 1, exitCode: 137, problem: 'It was killed.', started: at(26 * HOUR) };
  expect(await made.meta.findRunRecord({ kind: 'job', name: 'web' })).toMatchObject(record);
  expect(made.reports).toMatchObject([{ report: { problems: [{ name: 'web', failures: 1 }] } }]);
  expect((await runOf(made, { upkeep: false }))?.rows).toMatchObject([{ state: 'waits' }]);
});

test('a host leaves the records of jobs that only the configuration of another host has', async () => {
  const made = await worldOf(['web']);
  made.behave = (name) => ({ seconds: 60, exitCode: name === 'web' ? 22 : 0 });
  await runOf(made, { upkeep: false });
  made.base.settings.jobs = [simJob('mail', ['daily'])];
  const other = async () => {
    const work = made.run('node2', {}, { upkeep: false });
    await made.clock.runTo(new Date(made.clock.now.getTime() + HOUR * 1000));
    await work;
  };
  await other();
  expect(made.reports).toMatchObject([{ report: { problems: [{ name: 'web' }], resolved: [] } }]);
  expect(await made.meta.findRunRecord({ kind: 'job', name: 'web' })).toMatchObject({ failures: 1 });
  await made.clock.runTo(at(36 * 24 * HOUR));
  await other();
  expect(made.reports.slice(1)).toMatchObject([{ report: { resolved: [{ name: 'web' }] } }]);
  await other();
  expect(await made.meta.findRunRecord({ kind: 'job', name: 'web' })).toBeUndefined();
});

test('a run that never ends does its upkeep, and reports problems', async () => {
  const made = await worldOf([], { jobs: [simJob('large', ['daily']), simJob('web', ['daily']), simJob('mail', ['daily'])] });
  made.behave = (name, now) =>
    name === 'large'
      ? { seconds: now < at(90 * HOUR) ? 96 * HOUR : 60 }
      : { seconds: name === 'web' ? 60 : 90, exitCode: now < at(2 * HOUR) ? 22 : 0 };
  const work = made.run('node1');
  await made.clock.runTo(at(10 * 60));
  expect(made.reports.flatMap(({ report }) => report.problems.map(({ name }) => name)).toSorted()).toEqual(['mail', 'web']);
  await made.clock.runTo(at(36 * HOUR));
  expect(made.reports.flatMap(({ report }) => report.resolved.map(({ name }) => name)).toSorted()).toEqual(['mail', 'web']);
  await made.clock.runTo(at(80 * HOUR));
  expect(made.steps.filter(({ name }) => name === 'prune').length).toBe(3);
  await made.clock.runTo(at(97 * HOUR));
  expect((await work)?.exitCode).toBe(22);
});

test('what is due is found though the clock was set back', async () => {
  const made = await worldOf(['web']);
  await runOf(made, { upkeep: false });
  const around = { host: 'node1', imagesOf: async () => [] };
  const [job] = made.base.settings.jobs;
  const known = { job: job ?? simJob('', []), schedulers: SCHEDULERS, images: [{ name: 'web', source: 'file:///x' }] };
  const plan = new CurrentPlan(made.base, around, { jobs: [known], areAll: true });
  await plan.read();
  // Nothing of it counts then.
  made.clock.now = at(-48 * HOUR);
  expect(plan.secondsToMore()).toBeLessThanOrEqual(300);
  expect(await plan.next(() => true)).toMatchObject({ name: 'web' });
});

test('bad data that scrub has found does not make it start again early', () => {
  const settings = { ...RUN_DEFAULTS, scrubPercent: 4 };
  const recordOf = (exitCode: number): RunRecord => ({
    ...{ kind: 'step', name: 'scrub', job: '', host: 'node1', started: START, ended: START, succeeded: null },
    ...{ failures: 1, exitCode, problem: 'There is a problem.', reported: null, hook: null },
  });
  const isDue = (exitCode: number, seconds: number) => dueSteps(settings, [recordOf(exitCode)], at(seconds)).includes('scrub');
  expect([isDue(20, HOUR), isDue(20, 24 * HOUR), isDue(100, HOUR)]).toEqual([false, true, true]);
});
