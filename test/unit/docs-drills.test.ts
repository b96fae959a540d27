import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { introOf, sectionOf, shellLines } from '../support/docs/drill.ts';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

/** Pages in the order of a life, and the tests that run their commands. */
const DRILLS: Record<string, readonly string[]> = {
  'install.md': ['test/packages/debian.test.ts', 'test/packages/npm.test.ts'],
  'first-week.md': ['test/long/first-week.test.ts'],
  'from-python-backy2.md': ['test/long/schedule-pages.test.ts'],
  'schedules.md': ['test/long/schedule-pages.test.ts'],
  'monitoring.md': ['test/long/schedule-pages.test.ts'],
  'moving.md': ['test/long/moving.test.ts', 'test/services/moving.test.ts'],
  'disaster.md': ['test/long/disaster.test.ts'],
};

/** Commands that docs/testing.md lists as not run, by page. */
function notRun(page: string): string[] {
  const table = sectionOf(read('docs/testing.md'), 'Commands of the docs').split('\nNot run:\n')[1] ?? '';
  return [...table.matchAll(/^\| (\S+) \| (.*?) \| .* \|$/gm)]
    .filter(([, name]) => name === page)
    .flatMap(([, , commands = '']) => [...commands.matchAll(/`([^`]+)`/g)].map(([, command = '']) => command));
}

/** Headings that a test names, or numbers: `Day 3`. */
function titlesIn(page: string, tests: readonly string[]): string[] {
  const text = tests.map(read).join('\n');
  const titles = [...page.matchAll(/^##+ (.*)$/gm)].map(([, title = '']) => title);
  return titles.filter((title) => {
    const day = /^Day (\d):/.exec(title)?.[1];
    return day === undefined ? text.includes(`'${title}'`) : new RegExp(`\\b(live|linesOf)\\(${day}\\b`).test(text);
  });
}

test.each(Object.entries(DRILLS))('each command of docs/%s is run, or said not to be', (name, tests) => {
  const page = read(`docs/${name}`);
  const listed = notRun(name);
  const drilled = titlesIn(page, tests).flatMap((title) => shellLines(introOf(sectionOf(page, title))));
  if (tests.map(read).some((text) => text.includes('introOf(PAGE)'))) drilled.push(...shellLines(introOf(page)));
  if (name === 'monitoring.md') drilled.push(...shellLines(page).filter((line) => line.startsWith('backy2 ')));
  const lines = shellLines(page);
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.filter((line) => !drilled.includes(line) && !listed.some((start) => line.startsWith(start)))).toEqual([]);
  expect(listed.filter((start) => !lines.some((line) => line.startsWith(start)))).toEqual([]);
});
