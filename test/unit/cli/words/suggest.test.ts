import { expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/commands/index.ts';
import { suggest } from '../../../../src/cli/words/suggest.ts';

const NAMES = COMMANDS.map(({ name }) => name);

test.each([
  ['bakcup', 'backup'],
  ['restor', 'restore'],
  ['srub', 'scrub'],
  ['resotre', 'restore'],
  ['addtag', 'add-tag'],
  ['unp', 'unprotect'],
  ['un', 'run'],
  // Two commands start with this prefix.
  ['r', undefined],
  ['frobnicate', undefined],
  ['', undefined],
])('%j suggests %s', (word, expected) => {
  expect(suggest(word, NAMES)).toBe(expected);
});

test('a command that is one letter short, too long or swapped is suggested', () => {
  for (const name of NAMES.filter(({ length }) => length > 4)) {
    expect(suggest(`${name}s`, NAMES)).toBe(name);
    // `eport` and `erport` are as near to `export`.
    if (name === 'report') continue;
    expect(suggest(name.slice(1), NAMES)).toBe(name);
    expect(suggest(`${name[1]}${name[0]}${name.slice(2)}`, NAMES)).toBe(name);
  }
});

test.each([
  ['--snpa', '--snapshot-name'],
  ['--tga', '--tag'],
  ['--snapshotname', '--snapshot-name'],
  ['--x', undefined],
  ['--no-such-thing', undefined],
])('%s suggests %s', (word, expected) => {
  expect(suggest(word, ['--snapshot-name', '--tag', '--expired', '--fields', '--help'])).toBe(expected);
});
