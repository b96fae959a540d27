import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { RUN_DEFAULTS } from '../../../src/model/job.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

const load = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', `[DEFAULTS]\nencryption_version: 0\n${text}`);
  return loadConfig('backy.cfg', env);
};
const WEB = '[job:web]\nsource: rbd://vms/web\n';
const SCHEDULER = 'interval: 1d\nkeep: 3\nsla: 1h\n';
const UNSET = { schedulers: undefined, name: undefined, before: undefined, after: undefined, hookTimeoutSeconds: 300 };

test('a job takes its defaults', () => {
  const { jobs, brokenJobs, schedulers, warnings } = load(WEB);
  expect(jobs).toEqual([{ key: 'web', source: 'rbd://vms/web', ...UNSET }]);
  expect([brokenJobs, schedulers, warnings]).toEqual([[], [], []]);
});

test('a job may have every option', () => {
  const { jobs, warnings } = load(
    `${WEB}schedulers: hourly, daily\nname: web.example.com\nbefore: sync; freeze %% # x\nafter: thaw\nhook_timeout: 90s\n`,
  );
  expect(jobs).toEqual([
    {
      ...{ key: 'web', source: 'rbd://vms/web', schedulers: ['hourly', 'daily'], name: 'web.example.com' },
      ...{ before: 'sync; freeze % # x', after: 'thaw', hookTimeoutSeconds: 90 },
    },
  ]);
  expect(warnings).toEqual([]);
});

test('an empty command or name is none', () => {
  expect(load(`${WEB}before:\nafter:\nname:\n`).jobs).toEqual([{ key: 'web', source: 'rbd://vms/web', ...UNSET }]);
});

test('a job is never a scheduler, whatever options it has', () => {
  const { schedulers, brokenSchedulers, jobs, warnings } = load(`${WEB}${SCHEDULER}`);
  expect([schedulers, brokenSchedulers, jobs.length]).toEqual([[], [], 1]);
  expect(warnings.map((text) => /\] (\w+):/.exec(text)?.[1])).toEqual(['interval', 'keep', 'sla']);
});

test('[DEFAULT] gives its options to jobs', () => {
  expect(load(`[DEFAULT]\nbefore: freeze\n${WEB}`).jobs[0]?.before).toBe('freeze');
});

test.each([
  ['[job:x]\nschedulers: a', 'source: is missing; it must be a source as for backup, such as rbd://vms/web.'],
  ['[job:x]\nsource: /dev/vg/x', 'source: Invalid URL "/dev/vg/x": it must start with its type, e.g. file:// Known: '],
  ['[job:x]\nsource: rbd://vms', 'source: Not a valid name: rbd://vms names no image.'],
  ['[job:x]\nsource: rbd://vms/x@s', 'source: rbd://vms/x@s is a snapshot. Name the image'],
  ['[job:x]\nsource: rbd://vms/*\nname: y', 'name: is not allowed with rbd://vms/*: the versions of each image get its name.'],
  ['[job:x]\nsource: file:///x\nschedulers:', 'schedulers: names no scheduler.'],
  ['[job:x]\nsource: file:///x\nhook_timeout: 0s', 'hook_timeout: "0s" is not a number with s, m, h or d'],
  ['[job:x]\nsource: file:///x\nname: web', 'name: "web" is the name of the versions of [job:web] too.'],
  ['[job:x]\nsource: file:///x\nbefore: %', 'before: has a lone "%". Write "%%" for a percent sign.'],
])('%j is a broken job beside a good one', (text, problem) => {
  const config = load(`${WEB}${text}`);
  expect(config.jobs.map(({ key }) => key)).toEqual(['web']);
  expect(config.brokenJobs).toEqual([{ name: 'x', problem: expect.stringContaining(`backy.cfg: [job:x] ${problem}`) }]);
});

test('a job without a name, and two of one name', () => {
  expect(load('[job:]\nsource: file:///x').brokenJobs).toEqual([{ name: '', problem: expect.stringContaining('[job:web]') }]);
  const { jobs, brokenJobs } = load(`${WEB}[job: web]\nsource: file:///x`);
  expect([jobs.length, brokenJobs]).toEqual([
    1,
    [{ name: 'web', problem: expect.stringContaining('two sections of job "web"') }],
  ]);
});

test('a pattern may have the images of other jobs', () => {
  expect(load(`${WEB}[job:all]\nsource: rbd://vms/*\n`).brokenJobs).toEqual([]);
});

test.each([
  ['[Job:web]', 'job:web'],
  ['[job web]', 'job:web'],
])('%j is a warning that names the section that was meant', (section, meant) => {
  expect(load(`${section}\nsource: file:///x`).warnings).toEqual([
    `backy.cfg: section ${section} is unknown and ignored; the nearest known section is [${meant}].`,
  ]);
});

test('run has its options', () => {
  const { run, warnings } = load(
    '[run]\nparallel: 3\nprune: no\nscrub: --oldest 4\nupkeep_interval: 12h\non_problem: mail -s a; true\n',
  );
  expect(run).toEqual({
    ...{ parallel: 3, prune: 'no', scrubPercent: 4, upkeepSeconds: 43_200, onProblem: 'mail -s a; true' },
  });
  expect(warnings).toEqual([]);
});

test.each(['', '[run]\n', '[run]\non_problem:\n'])('without options, run has its defaults: %j', (text) => {
  expect(load(text).run).toEqual(RUN_DEFAULTS);
});

test.each([
  ['parallel: 0', 'parallel: "0" is not a whole number from 1 to 64.'],
  ['prune: all', 'prune: "all" is not one of expired, yes, no.'],
  ['parallel: 65', 'parallel: "65" is not a whole number from 1 to 64.'],
  ['scrub: --all', 'scrub: "--all" is not --oldest PERCENT, from 1 to 100.'],
  ['scrub: --oldest 0', 'scrub: "--oldest 0" is not --oldest PERCENT, from 1 to 100.'],
  ['scrub: --oldest 101', 'scrub: "--oldest 101" is not --oldest PERCENT, from 1 to 100.'],
  ['upkeep_interval: 0d', 'upkeep_interval: "0d" is not a number with s, m, h or d'],
])('[run] %j is an error', (text, problem) => {
  expect(configErrorOf(() => load(`[run]\n${text}`)).message).toContain(`backy.cfg: [run] ${problem}`);
});

test('a scheduler that is called run stays one, without warnings', () => {
  const config = load(`[run]\n${SCHEDULER}names: web\n`);
  expect(config.schedulers).toEqual([{ name: 'run', intervalSeconds: 86_400, keep: 3, slaSeconds: 3600, names: ['web'] }]);
  expect([config.run, config.warnings]).toEqual([RUN_DEFAULTS, []]);
  expect(load(`[DEFAULT]\ninterval: 1d\nsla: 1h\n[run]\nkeep: 2\n`).schedulers.map(({ name }) => name)).toEqual(['run']);
  expect(load(`[Run]\n${SCHEDULER}`).schedulers.map(({ name }) => name)).toEqual(['Run']);
});

test('with an option of its own, [run] is no scheduler', () => {
  const config = load(`[DEFAULT]\nsla: 1h\n[run]\nparallel: 2\nkeep: 3\n`);
  expect([config.schedulers, config.brokenSchedulers, config.run.parallel]).toEqual([[], [], 2]);
  expect(config.warnings).toEqual([expect.stringContaining('[run] keep: this option is unknown and ignored')]);
});

test('[RUN] is unknown, and no error', () => {
  expect(load('[RUN]\nparallel: 2').warnings).toEqual([expect.stringContaining('the nearest known section is [run]')]);
});
