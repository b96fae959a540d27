import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isFromFuture } from '../../../src/model/clock.ts';

const NOW = new Date('2026-11-23T04:42:24Z');

it.each([
  [-1, false],
  [0, false],
  [300, false],
  [301, true],
])('a time %i seconds ahead is from the future: %s', (seconds, expected) => {
  expect(isFromFuture(new Date(NOW.getTime() + seconds * 1000), NOW)).toBe(expected);
});

it('the clock that people set is read for times alone: durations are measured by the monotonic one', () => {
  const READERS = [
    'cli/log/log-file.ts',
    // The age of a file, and the time of a run that has no store.
    'cli/running/daily-mark.ts',
    'cli/running/problem-reporter.ts',
    'cli/session.ts',
    // The age of what another process left, by the times of its file system.
    'data/file/temporary-folder.ts',
    // The clock of a server.
    'data/s3/refusals.ts',
  ];
  const root = new URL('../../../src', import.meta.url).pathname;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(300);
  const readers = files.filter((path) => /Date\.now\(|new Date\(\)/.test(readFileSync(join(root, path), 'utf8')));
  expect(readers.sort()).toEqual(READERS);
});
