import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { nearest } from '../../../src/config/nearest.ts';
import { makeSandbox } from './sandbox.ts';

const warningsOf = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', `[DEFAULTS]\nencryption_version: 0\n${text}`);
  return loadConfig('backy.cfg', env).warnings;
};
const option = (place: string, known: string) =>
  `backy.cfg: ${place}: this option is unknown and ignored; the nearest known one is ${known}.`;
const section = (name: string, known: string) =>
  `backy.cfg: section [${name}] is unknown and ignored; the nearest known section is [${known}].`;

test.each([
  ['blocksize: 4096', option('[DEFAULTS] blocksize', 'block_size')],
  ['Dedup: 1', option('[DEFAULTS] dedup', 'deduplication')],
  ['constructor: 1', expect.stringContaining('[DEFAULTS] constructor: this option is unknown')],
  ['[DataBackend]\nsimultaneous_write: 1', option('[DataBackend] simultaneous_write', 'simultaneous_writes')],
  ['[daily]\nintervall: 1d\nkeep: 1\nsla: 1h', option('[daily] intervall', 'interval')],
  ['[DEFAULT]\nlogfil: x', option('[DEFAULT] logfil', 'logfile')],
  ['[Io_File]\nsimultaneous_reads: 1', section('Io_File', 'io_file')],
  ['[databackend]\npath: x', section('databackend', 'DataBackend')],
  ['[constructor]', expect.stringContaining('section [constructor] is unknown')],
])('%j is a warning that names the nearest known one', (text, warning) => {
  expect(warningsOf(text)).toEqual([warning]);
});

test('an option that another one refers to raises no warning', () => {
  expect(warningsOf('[DEFAULT]\nbase: /srv\n[DataBackend]\nsub: d\npath: %(base)s/%(Sub)s')).toEqual([]);
});

test('an option of [DEFAULT] that a section knows raises no warning', () => {
  expect(warningsOf('[DEFAULT]\nsimultaneous_reads: 2\n')).toEqual([]);
});

test.each([
  ['kitten', ['mitten', 'sitting'], 'mitten'],
  ['daily', ['weekly', 'DAILY'], 'DAILY'],
  ['ab', ['ba', 'abc', 'xyz'], 'abc'],
  ['x', [], ''],
])('nearest to %s of %j', (word, candidates, found) => {
  expect(nearest(word, candidates)).toBe(found);
});
