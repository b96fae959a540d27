import { expect, test } from 'vitest';
import { Printer } from '../../../src/cli/output/printer.ts';
import { parseWords } from '../../../src/cli/program.ts';

test.each([
  ['-f', '-f'],
  ['-s', '-s'],
  ['-c 0', '-c'],
  ['--discard', '--discard'],
])('restore %s is refused with stdout as target', (words, named) => {
  const argv = ['restore', ...words.split(' '), 'UID', '-'];
  const error = { code: 'usage', exitCode: 2, message: expect.stringContaining(`${named} cannot be combined with -`) };
  expect(() => parseWords(argv, new Printer(false))).toThrow(expect.objectContaining(error));
});

test('--json is refused with stdout as target, before anything is read', () => {
  const error = { code: 'usage', message: 'restore cannot print JSON here: its data goes to stdout.' };
  expect(() => parseWords(['--json', 'restore', 'UID', '-'], new Printer(false))).toThrow(expect.objectContaining(error));
  expect(parseWords(['--json', 'restore', '-f', 'UID', 'file:///x'], new Printer(false))).toBeDefined();
});

test('--continue is still short for --continue-from, as in the original', () => {
  expect(parseWords(['restore', '--continue', '7', 'UID', 'file:///x'], new Printer(false))?.options).toEqual({
    continueFrom: '7',
  });
  expect(parseWords(['restore', '--continue-o', 'UID', '-'], new Printer(false))?.options).toEqual({ continueOnError: true });
});

test('--continue-on-error and --accept-damage fit stdout as target', () => {
  expect(parseWords(['restore', '--continue-on-error', '--accept-damage', 'UID', '-'], new Printer(false))).toBeDefined();
});
