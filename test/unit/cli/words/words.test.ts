import { describe, expect, it } from 'vitest';
import { parseTags } from '../../../../src/cli/options/parse-tags.ts';
import { parseDate, parseWhole } from '../../../../src/cli/options/parse-values.ts';
import { expandAbbreviations, type OptionNames } from '../../../../src/cli/words/abbreviations.ts';

const PROGRAM: OptionNames = {
  long: ['--verbose', '--version', '--configfile', '--skip-header', '--skip-all'],
  lettered: ['--verbose', '--version', '--configfile', '--skip-header'],
  takesValue: (option) => ['-c', '--configfile'].includes(option),
};
const LS: OptionNames = {
  long: ['--snapshot-name', '--tag'],
  lettered: ['--snapshot-name', '--tag'],
  takesValue: (option) => ['-s', '--snapshot-name', '-t', '--tag'].includes(option),
};
const expand = (...argv: string[]) => expandAbbreviations(argv, PROGRAM, (name) => (name === 'ls' ? LS : undefined));

describe('abbreviated options', () => {
  it.each([
    [
      ['--conf', 'ls', 'ls', '--snap', '--tag'],
      ['--configfile', 'ls', 'ls', '--snapshot-name', '--tag'],
    ],
    [['--vers'], ['--version']],
    [['--skip'], ['--skip-header']],
    [['--skip-a'], ['--skip-all']],
    [
      ['--conf=x', 'ls'],
      ['--configfile=x', 'ls'],
    ],
    [
      ['-mc', 'ls', 'ls', '--ta=x'],
      ['-mc', 'ls', 'ls', '--tag=x'],
    ],
    [
      ['-cls', 'ls', '--snap=1'],
      ['-cls', 'ls', '--snapshot-name=1'],
    ],
    [
      ['ls', '--', '--snap'],
      ['ls', '--', '--snap'],
    ],
    [
      ['ls', '--nope'],
      ['ls', '--nope'],
    ],
  ])('%j is %j', (argv, full) => {
    expect(expand(...argv)).toEqual(full);
  });

  it('must be unambiguous', () => {
    expect(() => expand('--ver')).toThrow('Ambiguous option: --ver could match --verbose, --version.');
  });
});

describe('parseTags', () => {
  it.each([
    ['x,y , z', ['x', 'y', 'z']],
    ['"q,uoted",ü☃', ['q,uoted', 'ü☃']],
    ['a,a', ['a']],
    ['l1\nl2', ['l1']],
    ['', []],
  ])('reads %j', (text, tags) => {
    expect(parseTags(text)).toEqual(tags);
  });
});

describe('parseDate', () => {
  it.each([
    ['2030-01-02', '2030-01-02T00:00:00.000Z'],
    ['2030-1-2', '2030-01-02T00:00:00.000Z'],
    ['2030-01-02 03:04:05', '2030-01-02T03:04:05.000Z'],
    ['2030-01-02T03:04:05', '2030-01-02T03:04:05.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['2030-01-02T03:04:05Z', '2030-01-02T03:04:05.000Z'],
    ['2030-01-02T03:04:05.678Z', '2030-01-02T03:04:05.678Z'],
  ])('reads %s', (text, iso) => {
    expect(parseDate(text).toISOString()).toBe(iso);
  });

  it.each([
    '2030-13-01',
    '2030-02-30',
    'tomorrow',
    '01.02.2030',
    '2030-01-02 03:04',
    '2030-01-02T03:04:05.678',
    '2030-01-02Z',
    ' 2030-01-02',
    '20300102',
    '10000-01-01',
    '2030-01-02 24:00:00',
    '2030-01-02 23:59:60',
    '-1',
  ])('refuses %j with exit code 1', (text) => {
    expect(() => parseDate(text)).toThrow(expect.objectContaining({ exitCode: 1 }));
  });
});

describe('parseWhole', () => {
  it('takes only whole numbers', () => {
    expect(parseWhole('42', '-c')).toBe(42);
    expect(() => parseWhole('abc', '-c')).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
