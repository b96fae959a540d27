import { expect } from 'vitest';
import type { Result } from '../program/process.ts';

/**
 * Asserts a clear failure: the exit code, one ERROR line with `what` and a next step, and the end
 * line.
 */
export function expectFailure(result: Result, code: number, what: string | RegExp): void {
  const lines = result.stderr.split('\n').filter((line) => line !== '');
  expect(lines[0], result.stdout + result.stderr).toMatch(what);
  expect(result.code, result.stderr).toBe(code);
  for (const line of lines) expect(line).toMatch(/^ {3}ERROR: /);
  expect(lines.at(-1)).toBe('   ERROR: Backy failed.');
  expect(lines.length, result.stderr).toBeLessThanOrEqual(2);
  expect(result.stderr, 'a stack trace').not.toMatch(/^\s+at .*:\d+:\d+/m);
}
