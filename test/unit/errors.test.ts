import { expect, it } from 'vitest';
import { BackyError } from '../../src/errors.ts';

it.each([
  ['EMFILE', /ulimit -n/],
  ['ENFILE', /sysctl/],
  ['EIO', /^Check the file\.$/],
])('a failure with %s gets a hint about its cause, whatever the file', (code, hint) => {
  const cause = Object.assign(new Error(code), { code });
  expect(new BackyError('io', 'Cannot open it', { hint: 'Check the file.', cause }).hint).toMatch(hint);
});
