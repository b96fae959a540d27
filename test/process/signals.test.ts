import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileFaultyIo } from '../support/faults/faulty-io.ts';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import { type Result, type Running, tool } from '../support/program/process.ts';
import { statusLines } from '../support/program/status-lines.ts';
import { lacking, needTool } from '../support/runner/machine.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const gcc = lacking(await needTool('gcc', '--version'));
const library = gcc.skip ? '' : await compileFaultyIo();
const BLOCK = 512 * 1024;
const BLOCKS = 60;
const CODES: [signal: NodeJS.Signals, code: number][] = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
];

const image = noise(BLOCKS * BLOCK, 'image');
let lab: Lab;
let source: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, config: { DEFAULTS: { workers: 2 } } });
  source = `file://${lab.write('image', image)}`;
});
afterEach(() => lab.remove());

describe.each(CODES)('%s', (signal, code) => {
  test(`stops a backup: exit ${code}, rows committed, locks gone, nothing half-written; -c finishes it`, async () => {
    slow();
    const running = lab.start(['-m', 'backup', source, 'vm']);
    await until(running, () => lab.blobs().length > 5);
    const result = await stop(running, signal);
    expect(result.stderr).toContain(`Stopped by ${signal}.`);
    expect(result.code).toBe(code);
    const uid = uidOf(result.stdout);
    expect(lab.version(uid).valid).toBe(0);
    expect(lab.blocks(uid).length).toBeGreaterThan(4);
    expect(lab.blocks(uid).length).toBeLessThan(BLOCKS);
    expect(lab.temporaryBlobs()).toEqual([]);
    expect(lab.lockFiles()).toEqual([]);
    lab.configure({});
    await lab.ok('backup', '-c', uid, source, 'vm');
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });

  test(`stops a restore: exit ${code}, and says how to go on`, async () => {
    const uid = await lab.backup(source, 'vm');
    slow();
    const running = lab.start(['restore', uid, `file://${lab.path('target')}`]);
    await until(running, () => existsSync(lab.path('target')) && statSync(lab.path('target')).blocks > 0);
    const result = await stop(running, signal);
    expect(result.code).toBe(code);
    expect(lab.lockFiles()).toEqual([]);
    expect(lab.version(uid).valid).toBe(1);
    lab.configure({});
    const [, from = ''] = /restore -f -c (\d+) /.exec(result.stderr) ?? [];
    expect(from).toMatch(/^\d+$/);
    expect(Number(from)).toBeLessThan(BLOCKS);
    await lab.ok('restore', '-f', '-c', from, uid, `file://${lab.path('target')}`);
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(image));
  });

  test(`stops a scrub: exit ${code}, and marks nothing`, async () => {
    const uid = await lab.backup(source, 'vm');
    const before = lab.dump();
    slow();
    const running = lab.start(['scrub', uid]);
    await until(running, () => lab.lockFiles().length > 0);
    await sleep(500);
    expect((await stop(running, signal)).code).toBe(code);
    expect(lab.lockFiles()).toEqual([]);
    expect(lab.dump()).toEqual(before);
  });

  test.skipIf(gcc.skip)(`a second time ends a program that hangs at once, with exit ${code}${gcc.note}`, async () => {
    const env = {
      LD_PRELOAD: library,
      FAULT_PATH: lab.path('image'),
      FAULT_OFFSET: String(40 * BLOCK),
      FAULT_KIND: 'hang',
      TRACE_FILE: lab.write('trace', ''),
    };
    const running = lab.start(['-m', 'backup', source, 'vm'], { env });
    await until(running, () => readFileSync(lab.path('trace'), 'utf8').includes('hang\t'));
    running.kill(signal);
    await until(running, () => lab.log().includes('A second signal stops at once.'));
    // At once, it would count as the first (`timeout` sends two).
    await sleep(30);
    running.kill(signal);
    const { code: ended, stdout } = await running.ended;
    expect(ended).toBe(code);
    // After the first signal only, it would have ended seconds later with this line.
    expect(lab.log()).not.toContain(`Stopped by ${signal}.`);
    const uid = uidOf(stdout);
    await lab.ok('backup', '-c', uid, source, 'vm');
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });
});

filesOnly('database file', () => {
  test.skipIf(gcc.skip)(`a second SIGTERM ends a program whose main thread is blocked${gcc.note}`, async () => {
    const env = {
      LD_PRELOAD: library,
      FAULT_PATH: lab.path('backy.sqlite'),
      FAULT_OFFSET: '0',
      FAULT_KIND: 'hang',
      TRACE_FILE: lab.write('trace', ''),
    };
    const running = lab.start(['du'], { env });
    await until(running, () => readFileSync(lab.path('trace'), 'utf8').includes('hang\t'));
    running.kill('SIGTERM');
    // Two that wait together count as one.
    await until(running, () => pendingSignals(running.pid) === 0n);
    const start = performance.now();
    running.kill('SIGTERM');
    // A shell reports 143 for it.
    expect(await running.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test('a stopped cleanup is resumed by the next one', async () => {
  const uid = await lab.backup(source, 'vm');
  await lab.ok('rm', uid);
  const running = lab.start(['cleanup', '--dangerous-force']);
  await until(running, () => lab.blobs().length < BLOCKS);
  running.kill('SIGTERM');
  const { code } = await running.ended;
  expect([0, 143]).toContain(code);
  expect(lab.lockFiles()).toEqual([]);
  await lab.ok('cleanup', '--dangerous-force');
  expect(lab.blobs()).toEqual([]);
});

describe('SIGHUP', () => {
  test('stops a backup with exit 129', async () => {
    slow();
    const running = lab.start(['-m', 'backup', source, 'vm']);
    await until(running, () => lab.blobs().length > 5);
    const result = await stop(running, 'SIGHUP');
    expect(result.stderr).toContain('Stopped by SIGHUP.');
    expect(result.code).toBe(129);
    expect(lab.blocks(uidOf(result.stdout)).length).toBeGreaterThan(4);
    expect(lab.blocks(uidOf(result.stdout)).length).toBeLessThan(BLOCKS);
    expect(lab.lockFiles()).toEqual([]);
  });

  test('does nothing to a backup that was started with nohup', async () => {
    slow();
    const running = lab.start(['-m', 'backup', source, 'vm'], { prefix: ['nohup'] });
    await until(running, () => lab.blobs().length > 5);
    running.kill('SIGHUP');
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
  });
});

describe('SIGUSR1', () => {
  test.each(['-m', '--json'])('shows the status of a backup with %s too: on stderr and in the logfile', async (option) => {
    slow();
    const running = lab.start([option, 'backup', source, 'vm']);
    await until(running, () => lab.blobs().length > 5);
    const lines = lab.log().split('\n').length;
    running.kill('SIGUSR1');
    await until(running, () => running.stderr.endsWith('\n'));
    expect(running.stderr).toMatch(/^ {4}INFO: Backing up .*\n$/);
    const [status] = statusLines(running.stderr);
    expect(status?.what).toBe(`Backing up (2/2: Data) ${source}`);
    expect(status?.percent).toBeGreaterThan(0);
    expect(status?.percent).toBeLessThan(100);
    expect(
      lab
        .log()
        .split('\n')
        .slice(lines - 1)
        .join('\n'),
    ).toContain(running.stderr.slice('    INFO: '.length).trimEnd());
    const { code, stdout, stderr } = await running.ended;
    expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 0, lines: 2 });
    expect(stdout).not.toContain('Backing up');
  });

  test('says so where no blocks move', async () => {
    await tool('mkfifo', lab.path('pipe'));
    const running = lab.start(['import', lab.path('pipe')]);
    await until(running, () => running.stdout.includes('$ backy2'));
    running.kill('SIGUSR1');
    await until(running, () => running.stderr.endsWith('\n'));
    expect(running.stderr).toMatch(/^ {4}INFO: No blocks are moving \(\d+s since the start\)\.\n$/);
    expect((await stop(running, 'SIGTERM')).code).toBe(143);
  });

  test('never opens an inspector, nor ends the program, however early it comes', async () => {
    // A second, so that some signals come while blocks move.
    lab.configure({ DataBackend: { bandwidth_write: BLOCKS * BLOCK } });
    const running = lab.start(['backup', source, 'vm']);
    await until(running, () => /^(node|backy2)/.test(readFileSync(`/proc/${running.pid}/cmdline`, 'utf8')));
    while (!running.hasEnded) {
      running.kill('SIGUSR1');
      await sleep(2);
    }
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/Debugger|listening|ws:/);
    expect(stderr).toMatch(/INFO: Backing up /);
  });
});

/** Limits the bandwidth: the image's blobs take four seconds from now on. */
function slow(): void {
  lab.configure({ DataBackend: { bandwidth_write: 15 * BLOCK, bandwidth_read: 15 * BLOCK } });
}

/** Sends a signal and waits for the end. The work left undone shows that it came soon. */
function stop(running: Running, signal: NodeJS.Signals): Promise<Result> {
  running.kill(signal);
  return running.ended;
}

/** Signals that a process has been sent and has not handled yet, a bit each. */
function pendingSignals(pid: number): bigint {
  const [, bits = ''] = /^ShdPnd:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return BigInt(`0x${bits}`);
}

async function until(running: Running, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (running.hasEnded) throw new Error(`it ended too early: ${JSON.stringify(await running.ended)}`);
    await sleep(20);
  }
}
