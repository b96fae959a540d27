import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { nearest } from '../../../src/config/nearest.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

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
  ['[iofile]\nsimultaneous_reads: 1', section('iofile', 'io_file')],
  ['[constructor]', expect.stringContaining('section [constructor] is unknown')],
])('%j is a warning that names the nearest known one', (text, warning) => {
  expect(warningsOf(text)).toEqual([warning]);
});

test.each([
  ['[Io_File]\nsimultaneous_reads: 1', 'Io_File', 'io_file'],
  ['[databackend]\npath: x', 'databackend', 'DataBackend'],
  ['[defaults]\nlogfile: x', 'defaults', 'DEFAULTS'],
  ['[default]\nlogfile: x', 'default', 'DEFAULT'],
])('%j is an error, since another store would be used without this section', (text, written, ours) => {
  const message = `backy.cfg:3: section [${written}] must be written [${ours}].`;
  expect(configErrorOf(() => warningsOf(text)).message).toBe(message);
});

test('a scheduler may be named like a section of ours in another case', () => {
  expect(warningsOf('[defaults]\ninterval: 1d\nkeep: 1\nsla: 1h')).toEqual([]);
});

test.each([
  ['[DataBackend]\npath: /x  # nfs', '4: [DataBackend] path', '#'],
  ['[DataBackend]\npath: # to be set', '4: [DataBackend] path', '#'],
  ['[DataBackend]\n\naws_secret_access_key: x\t; mine', '5: [DataBackend] aws_secret_access_key', ';'],
])('%j is a warning that quotes no value: the comment is a part of it', (text, place, sign) => {
  const advice = 'A comment must be on a line of its own.';
  expect(warningsOf(text)).toEqual([`backy.cfg:${place}: the text from "${sign}" on is part of the value. ${advice}`]);
});

test('a wrong value names the comment that is a part of it', () => {
  const advice = 'is not a whole number from 1 to 256. A comment must be on a line of its own.';
  expect(configErrorOf(() => warningsOf('workers: 4 # cores')).message).toContain(`"4 # cores" ${advice}`);
});

test.each(['[DataBackend]\npath: /x#1', '[DataBackend]\n# path: /x ; y', '[nobody]\nx: a # b\ninterval: 1d\nkeep: 1\nsla: 1h'])(
  '%j has no comment behind a value that is read',
  (text) => expect(warningsOf(text).filter((warning) => warning.includes('comment'))).toEqual([]),
);

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
