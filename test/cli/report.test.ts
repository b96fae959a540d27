import { chmodSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { checkMarkup } from '../support/report/markup.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: 4096, workers: 1 });
  lab.configure({ daily: { interval: '1d', keep: 3, sla: '6h' } });
  await lab.backup('-t', 'daily', `file://${lab.write('image', noise(20_000, 'image'))}`, 'web');
});
afterAll(() => lab.remove());

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('report writes a new file for its owner, and keeps the mode of an old one', async () => {
  const path = lab.path('report.html');
  expect(await lab.ok('report', '--html', path)).toMatch(/^ {4}INFO: Wrote the report to .*report\.html: \d+ bytes\.$/m);
  expect(modeOf(path)).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toContain('<th scope="row">web');
  chmodSync(path, 0o644);
  await lab.ok('report', '--quick', '--html', path);
  expect(modeOf(path)).toBe(0o644);
  expect(readFileSync(path, 'utf8')).toContain('Left out: --quick was given');
});

test('report writes to stdout the page alone', async () => {
  const { code, stdout, stderr } = await lab.run(['report', '--html', '-']);
  expect(code, stderr).toBe(0);
  expect(checkMarkup(stdout).tables.length).toBeGreaterThan(3);
  expect(stderr).toMatch(/Backy complete/);
});

test('report refuses to replace the database, and changes nothing', async () => {
  const before = lab.dump();
  expectFailure(await lab.run(['report', '--html', lab.path('backy.sqlite')]), 1, /backy\.sqlite/);
  expectFailure(await lab.run(['report', '--html', lab.path('locks')]), 1, /is not a regular file/);
  expect(lab.dump()).toEqual(before);
});

test.each([
  [['report'], /report needs --html FILE/],
  [['report', '--html', ''], /report needs --html FILE/],
  [['--json', 'report', '--html', '-'], /stdout/],
])('%j is wrong usage', async (words, message) => {
  const { code, stdout, stderr } = await lab.run(words);
  expect(code).toBe(2);
  expect(stdout + stderr).toMatch(message);
});
