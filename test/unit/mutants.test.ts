import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { MUTANTS } from '../mutants/all.ts';

const TEST_NAMES = readdirSync('test', { recursive: true, encoding: 'utf8' }).map((path) => basename(path));

it.each(MUTANTS)('$name changes a text that stands in $file exactly once', ({ file, text, replacement }) => {
  expect(readFileSync(file, 'utf8').split(text)).toHaveLength(2);
  expect(replacement).not.toBe(text);
});

it.each(MUTANTS)('$name names tests that are there', ({ tests }) => {
  expect(tests.length).toBeGreaterThan(0);
  for (const test of tests) {
    const found = existsSync(test) || TEST_NAMES.filter((name) => name === basename(test)).length === 1;
    expect(found, test).toBe(true);
  }
});

it('names are given once', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});
