import { describe, expect, it } from 'vitest';
import { installationProblems } from '../../../../src/core/monitor/installation-problems.ts';
import { type Job, type JobSettings, RUN_DEFAULTS } from '../../../../src/model/job.ts';
import type { RunRecord, SpaceRecord } from '../../../../src/model/run-record.ts';
import type { SchedulerSettings } from '../../../../src/model/scheduler.ts';

const DAY_MS = 86_400_000;
const START = new Date('2026-11-23T12:00:00Z');

const LAB: Job = { key: 'lab', source: 'rbd://lab/*', schedulers: undefined, name: undefined, hookTimeoutSeconds: 300 };

function record(more: Partial<RunRecord>): RunRecord {
  return {
    ...{ kind: 'step', name: 'scrub', job: '', host: 'h', started: START, ended: START, succeeded: null, failures: 1 },
    ...{ exitCode: 100, problem: 'It failed.', reported: null, hook: null },
    ...more,
  };
}

function space(day: number, blobs90 = 100, bad = 0): SpaceRecord {
  const verified = [1, 7, 30, 90].map((days) => ({ days, blobs: days === 90 ? blobs90 : 0 }));
  return {
    ...{ date: new Date(START.getTime() + day * DAY_MS), virtual: 1, real: 1, stored: 1, versions: 1, names: 1, kinds: {} },
    verification: { blobs: 100, bad, never: 0, verified },
  };
}

type Settings = JobSettings & Pick<SchedulerSettings, 'brokenSchedulers'>;

function problems({
  records = [],
  history = [],
  settings = {},
}: {
  records?: RunRecord[];
  history?: SpaceRecord[];
  settings?: Partial<Settings>;
}): string[] {
  const all: Settings = { jobs: [LAB], brokenJobs: [], brokenSchedulers: [], run: RUN_DEFAULTS, ...settings };
  return installationProblems({ settings: all, records, space: history }).map(({ state, text }) => `${state}: ${text}`);
}

describe('problems of the installation', () => {
  it('are none without records', () => {
    expect(problems({})).toEqual([]);
  });

  it('are failed steps: critical if they found bad blocks, and none after a success', () => {
    const since = '(since 2026-11-23 12:00:00)';
    expect(problems({ records: [record({ exitCode: 20 })] })).toEqual([`critical: Step scrub: It failed. ${since}`]);
    expect(problems({ records: [record({ problem: null })] })).toEqual([`warning: Step scrub: exit code 100 ${since}`]);
    expect(problems({ records: [record({ failures: 0 })] })).toEqual([]);
  });

  it('are not SLA breaches and failed jobs, which belong to names', () => {
    expect(problems({ records: [record({ name: 'sla', exitCode: 0 })] })).toEqual([]);
    expect(problems({ records: [record({ name: 'sla' })] })).toHaveLength(1);
    expect(problems({ records: [record({ kind: 'job', name: 'web', job: 'web' }), record({ kind: 'run' })] })).toEqual([]);
  });

  it('are images that could not be listed, and jobs and schedulers with wrong options, worst first', () => {
    const records = [record({ kind: 'job', name: 'lab', job: 'lab' })];
    const settings = {
      brokenJobs: [{ name: 'x', problem: '[job:x] source: is missing.' }],
      brokenSchedulers: [{ name: 'bad', problem: '[bad] keep: is missing.' }],
    };
    expect(problems({ records, settings })).toEqual([
      'unknown: [job:x] source: is missing.',
      'unknown: [bad] keep: is missing.',
      'warning: Images of job lab: It failed. (since 2026-11-23 12:00:00)',
    ]);
  });

  it('are bad blobs of the last measurement', () => {
    expect(problems({ history: [space(0, 100, 5), space(1, 100, 0)] })).toEqual([]);
    expect(problems({ history: [space(0), space(1, 100, 5)] })).toEqual([
      'critical: Blobs found bad by their last verification: 5.',
    ]);
  });

  it.each([
    [4, 100, 89, 1, 'Only 89% of the blobs were verified in the last 90 days.'],
    [4, 100, 90, 0, 'enough'],
    [4, 89, 0, 0, 'not measured for so long'],
    [1, 999, 0, 0, 'a round takes longer than any period'],
    [undefined, 999, 0, 0, 'no scrub'],
  ])('with scrub %s after %d days and %d of 100 blobs: %d (%s)', (scrubPercent, days, blobs, count, text) => {
    const settings = { run: { ...RUN_DEFAULTS, scrubPercent } };
    const found = problems({ settings, history: [space(0), space(days, blobs)] });
    expect(found).toHaveLength(count);
    if (count > 0) expect(found).toEqual([`warning: ${text}`]);
  });
});
