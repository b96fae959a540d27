import { expect, it } from 'vitest';
import { BackyError, errnoOf } from '../../src/errors.ts';

it.each([
  ['EMFILE', /ulimit -n/],
  ['ENFILE', /sysctl/],
  ['EIO', /^Check the file\.$/],
])('a failure with %s gets a hint about its cause, whatever the file', (code, hint) => {
  const cause = Object.assign(new Error(code), { code });
  expect(new BackyError('io', 'Cannot open it', { hint: 'Check the file.', cause }).hint).toMatch(hint);
});

it('an error that Node has no name for has its name in the system', () => {
  // As Node makes it.
  const code = 'Unknown system error -122';
  expect(errnoOf(Object.assign(new Error(`${code}: ${code}, write`), { code, errno: -122 }))).toBe('EDQUOT');
  expect(errnoOf(Object.assign(new Error('EIO'), { code: 'EIO', errno: -5 }))).toBe('EIO');
});
