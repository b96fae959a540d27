import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { type Running, tool } from '../support/program/process.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: 4096 });
});
afterAll(() => lab.remove());

describe('a pipe', () => {
  /** Opens a pipe that nobody has written to, as the shell's `<(…)` is for a moment. */
  async function openPipe(name: string): Promise<number> {
    await tool('mkfifo', lab.path(name));
    return openSync(lab.path(name), 'r+');
  }

  async function untilItReads(running: Running, name: string): Promise<void> {
    while (!filesOf(running.pid).includes(lab.path(name))) {
      if (running.hasEnded) throw new Error(`it ended too early: ${JSON.stringify(await running.ended)}`);
      await sleep(10);
    }
  }

  test('is read to its end as config file and as hints file', async () => {
    const base = await lab.backup(`file://${lab.write('image', 'image')}`, 'vm');
    const [config, hints] = [await openPipe('config'), await openPipe('hints')];
    const words = ['backup', '-r', lab.path('hints'), '-f', base, `file://${lab.path('image')}`, 'vm'];
    const running = lab.startBare(['-c', lab.path('config'), ...words]);
    await untilItReads(running, 'config');
    writeSync(config, readFileSync(lab.path('backy.cfg')));
    closeSync(config);
    await untilItReads(running, 'hints');
    writeSync(hints, '[]');
    closeSync(hints);
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    ['config file', (pipe: string) => ['-c', pipe, 'ls']],
    ['key file', (pipe: string) => ['-c', lab.path('backy.cfg'), 'rekey', '--old-key-file', pipe]],
  ])('that stays open as %s holds up no signal', async (name, words) => {
    const writer = await openPipe(name);
    const running = lab.startBare(words(lab.path(name)));
    await untilItReads(running, name);
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143, stderr: expect.stringContaining('Stopped by SIGTERM.') });
    closeSync(writer);
  });
});

test('an export into a pipe waits for its reader, hears signals, and leaves the pipe', async () => {
  const pipe = lab.path('export');
  await tool('mkfifo', pipe);
  const uid = await lab.backup('null://64kB', 'vm');
  const stopped = lab.start(['export', uid, pipe]);
  while (!stopped.stdout.includes('$ backy2')) await sleep(10);
  await sleep(50);
  stopped.kill('SIGTERM');
  expect((await stopped.ended).code).toBe(143);
  expect(lab.lockFiles()).toEqual([]);
  const reader = tool('cat', pipe);
  await lab.ok('export', uid, pipe);
  expect(await reader).toBe(await lab.ok('-m', 'export', uid, '-'));
});

test('a pipe in place of a default config file is refused at once', async () => {
  await tool('mkfifo', lab.path('home/.backy.cfg'));
  const result = await lab.startBare(['ls']).ended;
  expectFailure(result, 1, /\.backy\.cfg: is a pipe\. Name it with -c to read it\./);
});

/** The paths of the open files of a process. */
function filesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    // A file was closed meanwhile.
    return [];
  }
}
