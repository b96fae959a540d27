import { execFile, execFileSync, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { permitStart, startedProcesses } from '../../support/runner/costs/starts.ts';

test('a unit test that starts a process fails, and is told where such tests belong', () => {
  const before = startedProcesses();
  expect(() => spawn('true')).toThrow('tests in test/unit start no process: put it into test/process: spawn true');
  expect(() => execFileSync('true')).toThrow('start no process');
  expect(startedProcesses()).toBe(before);
});

test('what is promisified still gives stdout and stderr', async () => {
  const echo = () => promisify(execFile)('echo', ['said']);
  expect(echo).toThrow('start no process');
  expect(await permitStart(echo)).toEqual({ stdout: 'said\n', stderr: '' });
});

test('a process that may be started is counted once', () => {
  const before = startedProcesses();
  permitStart(() => execFileSync('true'));
  expect(startedProcesses()).toBe(before + 1);
});
