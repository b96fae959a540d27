import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HookRequest, runHook } from '../../src/core/run/hook.ts';
import { silentLogger } from '../../src/logger.ts';
import { isAlive } from '../support/program/is-alive.ts';

let folder: string;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-hook-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hook = (command: string, more: Partial<HookRequest> = {}) =>
  runHook({
    command,
    what: 'before of job web',
    env: { BACKY2_JOB: 'web' },
    timeoutMs: 30_000,
    mark: `backy2-hook-${folder}`,
    logger: { ...silentLogger, info: (line) => lines.push(line) },
    ...more,
  });
const path = (name: string) => join(folder, name);
/** A script that does not end by itself, and stays when it is asked to end. */
const STUBBORN = `trap '' TERM; echo $$ >pid; while :; do sleep 0.1; done`;
const inFolder = (command: string) => `cd '${folder}'; ${command}`;
const pidIn = async (name: string) => {
  await expect.poll(() => Number(read(name))).toBeGreaterThan(0);
  return Number(read(name));
};
const read = (name: string) => {
  try {
    return readFileSync(path(name), 'utf8');
  } catch {
    return '';
  }
};

test('a hook gets its variables, and its output is logged by lines', async () => {
  expect(await hook(`echo "job $BACKY2_JOB"; printf 'to stderr' >&2; cat`)).toBeUndefined();
  expect(lines.toSorted()).toEqual(['before of job web: job web', 'before of job web: to stderr']);
});

test('a failing hook says how it ended', async () => {
  expect(await hook('exit 3')).toBe('failed with exit code 3');
  expect(await hook('kill -9 $$')).toBe('failed with exit code 137');
  expect(await hook('/nowhere/program')).toBe('failed with exit code 127');
});

test('a time limit of years ends nothing', async () => {
  expect(await hook('sleep 0.2', { timeoutMs: 2 ** 40 })).toBeUndefined();
});

test('a hook gets text on stdin, and may leave it unread', async () => {
  expect(await hook('cat', { stdin: 'one\ntwo\n' })).toBeUndefined();
  expect(lines).toEqual(['before of job web: one', 'before of job web: two']);
  expect(await hook('true', { stdin: 'x'.repeat(1_000_000) })).toBeUndefined();
});

test('long output is cut', async () => {
  expect(await hook(`printf '%05000d\\n' 0; seq 2000`)).toBeUndefined();
  expect(lines[0]).toHaveLength('before of job web: '.length + 2001);
  expect(lines.slice(-2)).toEqual(['before of job web: 999', 'before of job web: … more output is not logged.']);
});

test('a daemon that keeps the output open does not hold up the hook, and stays', async () => {
  expect(await hook(inFolder(`(echo $$ >&2; exec sleep 60) & echo $! >pid`))).toBeUndefined();
  const pid = await pidIn('pid');
  expect(isAlive(pid)).toBe(true);
  process.kill(pid);
});

test('at the time limit the whole process group ends, even what ignores SIGTERM', { timeout: 40_000 }, async () => {
  expect(await hook(inFolder(`(${STUBBORN}) & wait`), { timeoutMs: 1_000 })).toBe('took longer than 1 s and was ended');
  const pid = await pidIn('pid');
  await expect.poll(() => isAlive(pid)).toBe(false);
});

test('an abort ends a hook, which may clean up', async () => {
  const aborter = new AbortController();
  const running = hook(inFolder(`trap 'echo cleaned >done; exit 1' TERM; echo $$ >pid; while :; do sleep 0.1; done`), {
    signal: aborter.signal,
  });
  await pidIn('pid');
  aborter.abort();
  expect(await running).toBe('was ended');
  expect(read('done')).toBe('cleaned\n');
});
