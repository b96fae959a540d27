import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findTest, MUTANTS } from '../mutants/all.ts';

it.each(MUTANTS)('$name changes a text that stands in $file exactly once', ({ file, text, replacement }) => {
  expect(readFileSync(file, 'utf8').split(text)).toHaveLength(2);
  expect(replacement).not.toBe(text);
});

it.each(MUTANTS)('$name names tests that are there', ({ tests }) => {
  expect(tests.length).toBeGreaterThan(0);
  for (const test of tests) expect(findTest('.', test)).toMatch(/\.test\.ts$/);
});

it('names are given once', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});
