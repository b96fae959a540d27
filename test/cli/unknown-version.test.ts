import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

let lab: Lab;
let uid: string;
beforeAll(async () => {
  lab = await Lab.create();
  uid = await lab.backup('null://10kB', 'vm');
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
  ['du', (one: string) => ['du', one]],
  ['diff-meta', (one: string) => ['diff-meta', one, one]],
  ['export', (one: string) => ['export', one, '-']],
  ['backup -f', (one: string) => ['backup', '-f', one, 'null://8kB', 'vm']],
  ['backup -c', (one: string) => ['backup', '-c', one, 'null://8kB', 'vm']],
])('an unknown version that %s names: exit 100, nothing changed', async (_, args) => {
  const before = lab.dump();
  expectFailure(await lab.run(args('11111111-1111-1111-8111-111111111111')), 100, '11111111-1111-1111-8111-111111111111');
  expect(lab.dump()).toEqual(before);
});

test('the message says how to list versions, and which one was likely meant', async () => {
  const list = 'List the versions with: backy2 ls';
  await expectLine('nothing', `Version nothing not found. ${list}`);
  await expectLine('', `Version "" not found. ${list}`);
  await expectLine(uid.slice(0, 8), `Version ${uid.slice(0, 8)} not found. Did you mean ${uid}? ${list}`);
  await expectLine(uid.toUpperCase(), `Version ${uid.toUpperCase()} not found. Did you mean ${uid}? ${list}`);
  await expectLine('vm', 'Version vm not found. It is a name; list its versions with: backy2 ls vm');
});

test('the start of several uids names none of them', async () => {
  const other = `${uid.slice(0, 8)}-0000-1000-8000-000000000000`;
  lab.sql(
    'INSERT INTO versions SELECT ?, date, expire, name, snapshot_name, size, size_bytes, valid, protected FROM versions',
    other,
  );
  await expectLine(uid.slice(0, 8), `Version ${uid.slice(0, 8)} not found. List the versions with: backy2 ls`);
  lab.sql('DELETE FROM versions WHERE uid = ?', other);
});

test('control characters are escaped', async () => {
  await expectLine('a\n\x1b[2J', 'Version a\\n\\x1b[2J not found. List the versions with: backy2 ls');
});

/** Expects this error line from `protect`, and nothing else. */
async function expectLine(unknown: string, line: string): Promise<void> {
  const { code, stderr } = await lab.run(['protect', unknown]);
  expect(stderr).toBe(`   ERROR: ${line}\n   ERROR: Backy failed.\n`);
  expect(code).toBe(100);
}
