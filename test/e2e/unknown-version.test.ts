import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectFailure } from '../support/expect-failure.ts';
import { Lab } from '../support/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.create();
  await lab.backup('null://10kB', 'vm');
});
afterAll(() => lab.remove());

test.each([
  ['restore', (one: string) => ['restore', one, 'null://']],
  ['scrub', (one: string) => ['scrub', one]],
  ['rm', (one: string) => ['rm', one]],
  ['protect', (one: string) => ['protect', one]],
  ['unprotect', (one: string) => ['unprotect', one]],
  ['add-tag', (one: string) => ['add-tag', one, 'a']],
  ['remove-tag', (one: string) => ['remove-tag', one, 'a']],
  ['expire', (one: string) => ['expire', one, '2030-01-01']],
  ['export', (one: string) => ['export', one, '-']],
  ['backup -f', (one: string) => ['backup', '-f', one, 'null://8kB', 'vm']],
  ['backup -c', (one: string) => ['backup', '-c', one, 'null://8kB', 'vm']],
])('an unknown version that %s names: exit 100, nothing changed', async (_, args) => {
  const before = lab.dump();
  expectFailure(await lab.run(args('11111111-1111-1111-8111-111111111111')), 100, '11111111-1111-1111-8111-111111111111');
  expect(lab.dump()).toEqual(before);
});
