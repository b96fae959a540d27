import { describe, expect, it } from 'vitest';
import { Scheduling } from '../../../../src/core/monitor/scheduling.ts';
import { type Job, RUN_DEFAULTS } from '../../../../src/model/job.ts';
import type { RunRecord } from '../../../../src/model/run-record.ts';
import type { SchedulerSettings } from '../../../../src/model/scheduler.ts';
import type { TaggedVersion } from '../../../../src/model/version.ts';

const schedulers = ['hourly', 'daily', 'weekly'].map((name) => ({
  ...{ name, intervalSeconds: 3600, keep: 1, slaSeconds: 60 },
  names: name === 'weekly' ? ['listed'] : undefined,
}));

function job(key: string, more: Partial<Job> = {}): Job {
  return { key, source: `file:///${key}`, schedulers: undefined, name: undefined, hookTimeoutSeconds: 300, ...more };
}

function scheduling(jobs: Job[], records: Partial<RunRecord>[] = [], more: Partial<SchedulerSettings> = {}): Scheduling {
  const settings = {
    ...{ schedulers, brokenSchedulers: [{ name: 'bad', problem: '[bad] keep: is missing.' }] },
    ...{ defaultSchedulers: ['daily'], slaSchedulers: ['daily', 'weekly', 'monthly'], slaNewNamesByAge: false },
    ...{ jobs, brokenJobs: [], run: RUN_DEFAULTS, ...more },
  };
  return new Scheduling(settings, records as RunRecord[]);
}

const tagged = (...tags: string[]) => [{ tags } as TaggedVersion];
const namesOf = (found: { schedulers: readonly { name: string }[] }) => found.schedulers.map(({ name }) => name);

describe('the schedulers of a name', () => {
  it('are those of its job, or default_schedulers, and those that list it', () => {
    const found = scheduling([job('web', { schedulers: ['hourly'] }), job('db', { name: 'listed' })]);
    expect([...found.names]).toEqual(['web', 'listed']);
    expect(found.of('web', tagged('daily'))).toMatchObject({ jobs: ['web'], schedulers: [{ name: 'hourly' }] });
    expect(found.of('listed', [])).toMatchObject({ jobs: ['db'], schedulers: [{ name: 'daily' }, { name: 'weekly' }] });
  });

  it('are those of sla_schedulers without a job, if one of them made a version, or all versions are gone', () => {
    const found = scheduling([]);
    expect(namesOf(found.of('vm', tagged('weekly', 'x')))).toEqual(['daily', 'weekly']);
    expect(namesOf(found.of('gone', []))).toEqual(['daily', 'weekly']);
    expect(namesOf(found.of('by hand', tagged('b_daily', 'hourly')))).toEqual([]);
    expect(namesOf(found.of('listed', tagged()))).toEqual(['weekly']);
  });

  it('of a job with a pattern go to the names that it has backed up, not to its own key', () => {
    const pattern = job('lab', { source: 'rbd://lab/*' });
    const records = [
      { kind: 'job' as const, name: 'vm1', job: 'lab' },
      { kind: 'job' as const, name: 'vm2', job: 'other' },
      { kind: 'job' as const, name: 'lab', job: 'lab' },
    ];
    expect([...scheduling([pattern], records).names]).toEqual(['vm1']);
  });

  it('that are missing or broken are problems of the name', () => {
    const found = scheduling([job('web', { schedulers: ['daily', 'bad', 'none'] })]).of('web', []);
    expect(namesOf(found)).toEqual(['daily']);
    expect(found.configProblems).toEqual([
      { state: 'unknown', text: '[bad] keep: is missing.' },
      { state: 'unknown', text: 'There is no scheduler "none".' },
    ]);
  });

  it('are a problem of a name without a job too, if one of sla_schedulers made it and is broken', () => {
    const found = scheduling([], [], { slaSchedulers: ['daily', 'bad'] });
    const configProblems = [{ state: 'unknown', text: '[bad] keep: is missing.' }];
    expect(found.of('vm', tagged('bad'))).toMatchObject({ schedulers: [{ name: 'daily' }], configProblems });
    expect(found.of('gone', [])).toMatchObject({ configProblems });
    expect(found.of('by hand', tagged('hourly'))).toMatchObject({ schedulers: [], configProblems: [] });
    expect(scheduling([]).of('vm', tagged('bad', 'daily')).configProblems).toEqual([]);
  });
});
