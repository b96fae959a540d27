import { closeSync, constants, createReadStream, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errnoOf } from '../../src/errors.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab, withLab } from '../support/labs/lab.ts';
import { BINARY, type Result, tool } from '../support/program/process.ts';

const MIB = 1024 ** 2;
const BLOCK = 64 * 1024;
/** More than a pipe holds. The last block is short. */
const image = Buffer.concat([noise(5 * MIB, 'a'), Buffer.alloc(2 * MIB), noise(5 * MIB + 1000, 'b')]);

let lab: Lab;
let uid: string;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterAll(() => lab.remove());

/** Runs a shell command line in which "$@" is the program with its words. */
function shell(line: string, words = ['-q', 'restore', uid, '-']): Promise<Result> {
  return lab.startCommand(['bash', '-c', line, 'bash', BINARY, '-c', lab.path('backy.cfg'), ...words]).ended;
}

test('an image that two threads read reaches a pipe in order', async () => {
  expect(await shell('"$@" | sha256sum')).toMatchObject({ code: 0, stdout: `${sha256(image)}  -\n`, stderr: '' });
});

test('a reader that takes a part ends it quietly, with the exit code of SIGPIPE', async () => {
  const result = await shell('"$@" | head -c 100000 | wc -c; exit $PIPESTATUS');
  expect(result).toMatchObject({ code: 141, stdout: '100000\n', stderr: '' });
  expect(lab.log()).toMatch(/The reader is gone\. \d+ of \d+ bytes were written\. .*\n.*Backy failed\.\n$/);
  expect(lab.lockFiles()).toEqual([]);
});

test('stderr must not go into the image', async () => {
  const { code, stdout } = await shell('"$@" 2>&1 | cat; exit $PIPESTATUS');
  expect(code).toBe(2);
  expect(stdout).toContain('stdout and stderr go to the same place');
});

test('neither must the logfile', async () => {
  const logfile = lab.path('backy.log');
  const { code, stderr } = await shell(`"$@" >> ${logfile}`);
  expect(code).toBe(2);
  expect(stderr).toContain(`restore: the logfile ${logfile} is stdout: log lines would damage the image.`);
});

test('a reader that stops reading holds up no signal', async () => {
  const pipe = lab.path('pipe');
  await tool('mkfifo', pipe);
  // Opened for both, so that no open waits.
  const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const words = ['-c', lab.path('backy.cfg'), 'restore', uid, '-'];
  const running = lab.startCommand(['sh', '-c', 'exec "$@" > "$0"', pipe, BINARY, ...words]);
  const until = async (isDone: () => boolean) => {
    while (!isDone()) {
      if (running.hasEnded) throw new Error(`it ended: ${running.stderr}`);
      await sleep(20);
    }
  };
  await until(() => isFull(reader));
  // A write that is under way in a full pipe can't end.
  const before = running.stderr.length;
  await until(() => {
    running.kill('SIGUSR1');
    return running.stderr.slice(before).includes('Write Queue [==========]');
  });
  running.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  closeSync(reader);
  expect(code).toBe(143);
  expect(stderr).toMatch(/Stopped by SIGTERM\. At least \d+ of \d+ bytes were written\./);
  expect(lab.lockFiles()).toEqual([]);
});

test('a large version takes bounded memory', async () => {
  const config = { DataBackend: { type: 'null' }, DEFAULTS: { workers: 2 } };
  await withLab({ blockSize: 4 * MIB, config }, async (large) => {
    const size = 512 * MIB;
    const version = await large.backup(`null://${size}`, 'vm');
    const pipe = large.path('pipe');
    await tool('mkfifo', pipe);
    const words = ['-c', large.path('backy.cfg'), '-q', 'restore', version, '-'];
    const running = large.startCommand(['sh', '-c', 'exec "$@" > "$0"', pipe, BINARY, ...words]);
    let bytes = 0;
    let peak = 0;
    for await (const piece of createReadStream(pipe, { highWaterMark: MIB })) {
      bytes += (piece as Buffer).length;
      if (bytes < size) peak = peakMemory(running.pid) ?? peak;
    }
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
    expect(bytes).toBe(size);
    expect(peak).toBeGreaterThan(50 * MIB);
    expect(peak).toBeLessThan(400 * MIB);
  });
});

/** Whether a pipe has no room for another byte, which it gets otherwise. */
function isFull(pipe: number): boolean {
  try {
    writeSync(pipe, 'x');
    return false;
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
    return true;
  }
}

/** The largest memory of a process so far; undefined if it has ended. */
function peakMemory(pid: number): number | undefined {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  } catch {
    return undefined;
  }
}
