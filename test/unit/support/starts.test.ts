import { execFile, execFileSync, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { permitStart, startedProcesses } from '../../support/runner/costs/starts.ts';

test('a unit test that starts a process fails, with a message where such tests belong', () => {
  const before = startedProcesses();
  expect(() => spawn('true')).toThrow('tests in test/unit start no process: put it into test/process: spawn true');
  expect(() => execFileSync('true')).toThrow('start no process');
  expect(startedProcesses()).toBe(before);
});

test('promisified calls still return stdout and stderr', async () => {
  const echo = () => promisify(execFile)('echo', ['said']);
  expect(echo).toThrow('start no process');
  expect(await permitStart(echo)).toEqual({ stdout: 'said\n', stderr: '' });
});

test('a permitted start is counted once', () => {
  const before = startedProcesses();
  permitStart(() => execFileSync('true'));
  expect(startedProcesses()).toBe(before + 1);
});
