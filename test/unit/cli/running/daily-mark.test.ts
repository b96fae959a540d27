import { mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DailyMark } from '../../../../src/cli/running/daily-mark.ts';

let cacheDir: string;
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'backy2-mark-'));
});
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

const markOf = (engine: string) => new DailyMark({ cacheDir, engine, files: ['/etc/backy.cfg'] });
const stateOf = (mark: DailyMark) => ({ isSet: mark.isSet(), isFresh: mark.isFresh() });

test('a mark is fresh for a day, and each installation has its own', () => {
  const mark = markOf('sqlite:////a');
  expect(stateOf(mark)).toEqual({ isSet: false, isFresh: false });
  mark.set();
  expect(stateOf(mark)).toEqual({ isSet: true, isFresh: true });
  expect(stateOf(markOf('sqlite:////b'))).toEqual({ isSet: false, isFresh: false });
  const path = join(cacheDir, readdirSync(cacheDir)[0] ?? '');
  const at = (hours: number) => utimesSync(path, new Date(), new Date(Date.now() + hours * 3_600_000));
  at(-25);
  expect(stateOf(mark)).toEqual({ isSet: true, isFresh: false });
  at(48);
  expect(stateOf(mark)).toEqual({ isSet: true, isFresh: false });
  mark.set();
  expect(stateOf(mark)).toEqual({ isSet: true, isFresh: true });
  mark.remove();
  expect(stateOf(mark)).toEqual({ isSet: false, isFresh: false });
});

test('a link does not count, and is not followed', () => {
  const mark = markOf('sqlite:////a');
  mark.set();
  const path = join(cacheDir, readdirSync(cacheDir)[0] ?? '');
  rmSync(path);
  const target = join(cacheDir, 'target');
  writeFileSync(target, 'precious');
  symlinkSync(target, path);
  expect(stateOf(mark)).toEqual({ isSet: false, isFresh: false });
  mark.set();
  expect(stateOf(mark)).toEqual({ isSet: true, isFresh: true });
  rmSync(target);
});

test('a config file is the same by any path', () => {
  const mark = (file: string) => new DailyMark({ cacheDir, engine: 'sqlite:////a', files: [file] });
  mark('backy.cfg').set();
  expect(mark(join(process.cwd(), 'backy.cfg')).isSet()).toBe(true);
  expect(mark('/etc/backy.cfg').isSet()).toBe(false);
});

test('a folder that cannot be written is no failure', () => {
  const mark = new DailyMark({ cacheDir: '/nowhere', engine: 'sqlite:////a', files: [] });
  mark.set();
  mark.remove();
  expect(stateOf(mark)).toEqual({ isSet: false, isFresh: false });
});
