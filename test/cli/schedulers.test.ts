import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { addVersion, HOUR, linesNow, runNow, SCHEDULERS } from '../support/labs/schedule-lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ config: SCHEDULERS });
  onTestFinished(() => lab.remove());
});

test('without -s the options default_schedulers and sla_schedulers count', async () => {
  lab.configure({ DEFAULTS: { default_schedulers: 'weekly, hourly', sla_schedulers: 'hourly,daily' } });
  expect(await linesNow(lab, 'due', 'vm', '-f', 'schedulers')).toEqual(['weekly,hourly']);
  expect(await linesNow(lab, 'sla', 'vm', '-f', 'breach')).toEqual([
    'hourly: Too few backups. Found 0, should be 3.',
    'daily: Too few backups. Found 0, should be 2.',
  ]);
  expect(await linesNow(lab, 'due', 'vm', '-s', 'daily', '-f', 'schedulers')).toEqual(['daily']);
});

test('-s takes blanks around names and names a scheduler once', async () => {
  expect(await linesNow(lab, 'due', 'vm', '-f', 'schedulers', '-s', ' daily, hourly,daily,')).toEqual(['daily,hourly']);
});

test.each(['due', 'sla'])('%s: an unknown field lists those that are known', async (command) => {
  const result = await runNow(lab, command, '-s', 'daily', '-f', 'name,nope');
  expectFailure(result, 100, 'Unknown field "nope" in -f.');
  expect(result.stderr).toContain(`Known fields: name,${command === 'due' ? 'schedulers,expire_date,due_since' : 'breach'}`);
});

test.each(['due', 'sla'])(
  '%s: an unknown scheduler names its section and options, and lists those that there are',
  async (command) => {
    const result = await runNow(lab, command, '-s', 'daily,yearly');
    expectFailure(
      result,
      100,
      'There is no scheduler "yearly", which -s names: no section [yearly] of the configuration has the options interval, keep and sla.',
    );
    expect(result.stderr).toContain('There are: hourly, daily, weekly, never.');
  },
);

test.each([
  ['due', 'daily', 'default_schedulers'],
  ['sla', 'daily', 'sla_schedulers'],
])('%s with no scheduler configured names the option, and the section to add', async (command, name, option) => {
  const bare = await Lab.create();
  onTestFinished(() => bare.remove());
  const result = await bare.run([command]);
  expectFailure(result, 100, `There is no scheduler "${name}", which [DEFAULTS] ${option} names: no section [${name}]`);
  expect(result.stderr).toContain('such as a section [daily] with interval: 1d, keep: 8, sla: 6h');
});

test.each([
  ['due', 'default_schedulers'],
  ['sla', 'sla_schedulers'],
])('%s needs a scheduler to be named', async (command, option) => {
  expectFailure(await runNow(lab, command, '-s', ''), 100, '-s names no scheduler.');
  lab.configure({ DEFAULTS: { [option]: '' } });
  expectFailure(await runNow(lab, command), 100, `[DEFAULTS] ${option} names no scheduler.`);
  expect((await runNow(lab, command, '-s', 'daily')).code).toBe(0);
});

test.each([
  ['a missing option', { interval: '1d', keep: 2 }, '[broken] sla: is missing; it must be a number with s, m, h or d'],
  ['an unknown unit', { interval: '1x', keep: 2, sla: '1h' }, '[broken] interval: "1x" is not a number with s, m, h or d'],
  ['no number', { interval: 'd', keep: 2, sla: '1h' }, '[broken] interval: "d" is not a number with s, m, h or d'],
  ['a wrong count', { interval: '1d', keep: 'x', sla: '1h' }, '[broken] keep: "x" is not a whole number'],
])('one with %s is an error that names section and option, only for commands that use it', async (_, options, problem) => {
  lab.configure({ broken: options });
  for (const command of ['due', 'sla'])
    expectFailure(await runNow(lab, command, '-s', 'daily,broken'), 1, `${lab.path('backy.cfg')}: ${problem}`);
  expect(await linesNow(lab, 'due', '-s', 'daily', 'vm')).toHaveLength(1);
  expect(await linesNow(lab, 'ls')).toEqual([]);
});

test('one that keeps backups for longer than dates can say is an error once it is due', async () => {
  lab.configure({ broken: { interval: '36500d', keep: 1_000_000, sla: '1h' } });
  expectFailure(
    await runNow(lab, 'due', '-s', 'broken', 'vm'),
    1,
    '[broken] keep: 1000000 intervals of 36500d end after the year 9999.',
  );
  addVersion(lab, 'vm', HOUR, { tags: ['broken'] });
  expect(await linesNow(lab, 'due', '-s', 'broken', 'vm')).toEqual([]);
  expect(await linesNow(lab, 'sla', '-s', 'broken', 'vm')).toEqual(['vm|broken: Too few backups. Found 1, should be 1000000.']);
});

test.each(['due', 'sla'])('%s of a database that is not initialised exits 1', async (command) => {
  const empty = new Lab({ config: SCHEDULERS });
  onTestFinished(() => empty.remove());
  expectFailure(await empty.run([command]), 1, /initdb/);
});
