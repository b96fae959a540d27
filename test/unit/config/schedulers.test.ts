import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { makeSandbox } from './sandbox.ts';

const load = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', `[DEFAULTS]\nencryption_version: 0\n${text}`);
  return loadConfig('backy.cfg', env);
};

test('every other section is a scheduler', () => {
  const { schedulers, brokenSchedulers, warnings } = load(
    '[10min]\ninterval: 10m\nkeep: 0\nsla: 30s\n[daily]\ninterval = 1d\nkeep = 8\nsla = 1.5h\n',
  );
  expect(schedulers).toEqual([
    { name: '10min', intervalSeconds: 600, keep: 0, slaSeconds: 30 },
    { name: 'daily', intervalSeconds: 86400, keep: 8, slaSeconds: 5400 },
  ]);
  expect([brokenSchedulers, warnings]).toEqual([[], []]);
});

test('[DEFAULT] gives its options to schedulers', () => {
  expect(load('[DEFAULT]\nsla: 1h\nkeep: 2\n[daily]\ninterval: 1d\nkeep: 3').schedulers).toEqual([
    { name: 'daily', intervalSeconds: 86400, keep: 3, slaSeconds: 3600 },
  ]);
});

test('names are separated by commas or lines, and quoted as in CSV', () => {
  const names = (text: string) => load(`[daily]\ninterval: 1d\nkeep: 3\nsla: 1h\nnames: ${text}\n`).schedulers[0]?.names;
  expect(names('web, mail')).toEqual(['web', 'mail']);
  expect(names('web,\n  mail\n  a b, ,')).toEqual(['web', 'mail', 'a b']);
  expect(names('"a,b", "say ""x""" ,c')).toEqual(['a,b', 'say "x"', 'c']);
  expect(names('')).toEqual([]);
});

const TIME = 'a number with s, m, h or d (such as 30m, 6h, 1d), at most 36500d.';
const COUNT = 'a whole number from 0 to 1000000.';

test.each([
  ['keep: 1\nsla: 1h', `backy.cfg: [x] interval: is missing; it must be ${TIME}`],
  ['interval: 1w\nkeep: 1\nsla: 1h', `backy.cfg: [x] interval: "1w" is not ${TIME}`],
  ['interval: 5\nkeep: 1\nsla: 1h', `backy.cfg: [x] interval: "5" is not ${TIME}`],
  ['interval: 36501d\nkeep: 1\nsla: 1h', `backy.cfg: [x] interval: "36501d" is not ${TIME}`],
  ['interval: 1d\nkeep: some\nsla: 1h', `backy.cfg: [x] keep: "some" is not ${COUNT}`],
  ['interval: 1d\nkeep: -1\nsla: 1h', `backy.cfg: [x] keep: "-1" is not ${COUNT}`],
  ['interval: 1d\nkeep: 1', `backy.cfg: [x] sla: is missing; it must be ${TIME}`],
  ['interval: 1d\nkeep: 1\nsla: %', 'backy.cfg: [x] sla: has a lone "%". Write "%%" for a percent sign.'],
  [
    'interval: 1d\nkeep: 1\nsla: 1h\nnames: a,"b',
    'backy.cfg: [x] names: "a,\\"b" is not a comma separated list of names ("a,b" is one name, "" in it a quote).',
  ],
  ['keep: 1\nsla:', `backy.cfg: [x] interval: is missing; it must be ${TIME} backy.cfg: [x] sla: "" is not ${TIME}`],
])('%j is a broken scheduler beside good ones', (text, problem) => {
  const config = load(`[x]\n${text}\n[good]\ninterval: 1h\nkeep: 1\nsla: 0s`);
  expect(config.schedulers.map(({ name }) => name)).toEqual(['good']);
  expect(config.brokenSchedulers).toEqual([{ name: 'x', problem }]);
  expect(config.warnings).toEqual([]);
});
