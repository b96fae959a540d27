import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { reportDue, reportSla } from '../../../../src/core/reports/schedule-reports.ts';
import { forgetName } from '../../../../src/core/versions/forget-name.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';
import { SCHEDULERS, simJob } from '../../../support/run/sim-world.ts';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

/** Jobs with schedulers of their own, with the default ones, and with a pattern. */
function context(): Context {
  const jobs = [
    simJob('web', ['weekly']),
    { ...simJob('mail', []), schedulers: undefined, name: 'mail.example.com' },
    { ...simJob('lab', ['daily']), source: 'rbd://lab/*' },
  ];
  const names = { defaultSchedulers: ['daily'], slaSchedulers: ['daily', 'weekly'] };
  return { ...lab.context, settings: { ...lab.context.settings, schedulers: SCHEDULERS, jobs, ...names } };
}

test('due and sla expect the names of jobs, for the schedulers of the job', async () => {
  const due = (schedulers?: string[]) => reportDue(context(), { schedulers });
  expect((await due()).map(({ name, schedulers }) => [name, schedulers])).toEqual([['mail.example.com', ['daily']]]);
  expect((await due(['daily', 'weekly'])).map(({ name, schedulers }) => [name, schedulers])).toEqual([
    ['mail.example.com', ['daily']],
    ['web', ['weekly']],
  ]);
  const breaches = await reportSla(context(), {});
  expect(breaches.map(({ name, breach }) => [name, breach])).toEqual([
    ['mail.example.com', 'daily: Too few backups. Found 0, should be 8.'],
    ['web', 'weekly: Too few backups. Found 0, should be 5.'],
  ]);
});

test('a name that a job backs up can be forgotten only with its job', async () => {
  await expect(forgetName(context(), 'web')).rejects.toMatchObject({
    ...{ code: 'notFound', hint: 'Remove section [job:web] from backy.cfg.' },
  });
});
