import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';

const BLOCK = 64 * 1024;
const LINE = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d{3} \[(\d+)\] (.*)$/;
const UNKNOWN = '11111111-1111-1111-8111-111111111111';

let lab: Lab;
let source: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  source = `file://${lab.write('image', noise(40 * BLOCK, 'image'))}`;
});
afterEach(() => lab.remove());

describe('the logfile', () => {
  test('has the lines of the console, with time and pid', async () => {
    const running = lab.start(['backup', source, 'vm']);
    const { stdout } = await running.ended;
    const lines = parse(lab.log()).filter(({ pid }) => pid === running.pid);
    expect(lines.map(({ text }) => `    INFO: ${text}\n`).join('')).toBe(stdout);
    expect(lines[0]?.text).toBe(`$ backy2 -c ${lab.path('backy.cfg')} backup ${source} vm`);
    expect(lines.at(-1)?.text).toBe('Backy complete.');
  });

  test('has them with -m and --json too, errors included, and is appended to', async () => {
    await lab.ok('-m', 'backup', source, 'vm');
    expect((await lab.run(['--json', 'rm', UNKNOWN])).code).toBe(100);
    const texts = parse(lab.log()).map(({ text }) => text);
    expect(texts.filter((text) => text.startsWith('$ backy2 '))).toHaveLength(2);
    expect(texts).toContainEqual(expect.stringMatching(/^New version: /));
    expect(texts).toContainEqual(expect.stringContaining(UNKNOWN));
    expect(texts.at(-1)).toBe('Backy failed.');
  });

  test('has DEBUG only with -v and -d', async () => {
    const debug = /^Cleanup: Removing UID /;
    for (const [options, wanted] of [
      [[], 0],
      [['-v'], 1],
      [['-m', '-d'], 1],
    ] as const) {
      await lab.ok('rm', await lab.backup('null://64kB', 'vm'));
      const before = parse(lab.log()).length;
      await lab.ok(...options, 'cleanup', '--dangerous-force');
      const texts = parse(lab.log()).slice(before);
      expect(texts.filter(({ text }) => debug.test(text))).toHaveLength(wanted);
    }
  });

  test.each(['no/such/folder/backy.log', 'folder'])(
    '%s can not be written: a clear error, exit code 1, nothing done',
    async (name) => {
      mkdirSync(lab.path('folder'));
      lab.configure({ DEFAULTS: { logfile: lab.path(name) } });
      const before = lab.dump();
      const result = await lab.run(['backup', source, 'vm']);
      expectFailure(result, 1, new RegExp(`Cannot write the logfile ${lab.path(name)}`));
      expect(lab.dump()).toEqual(before);
    },
  );

  test('that is a pipe must have a reader, which may be slow', async () => {
    const pipe = lab.path('pipe');
    await tool('mkfifo', pipe);
    lab.configure({ DEFAULTS: { logfile: pipe } });
    const unread = await lab.run(['backup', source, 'vm']);
    expectFailure(unread, 1, /Cannot write the logfile .*pipe: it is a pipe that nobody reads.* Start the reader first/);
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      const filled = writeSync(fd, Buffer.alloc(1024 * 1024));
      const running = lab.start(['backup', source, 'vm']);
      while (!running.stdout.includes('Backy complete.')) await sleep(20);
      expect(lab.versions()).toMatchObject([{ valid: 1 }]);
      expect(readSync(fd, Buffer.alloc(filled))).toBe(filled);
      expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
      const lines = Buffer.alloc(65536);
      expect(parse(lines.toString('utf8', 0, readSync(fd, lines))).at(-1)?.text).toBe('Backy complete.');
    } finally {
      closeSync(fd);
    }
  });

  test('that was renamed is followed by a new one while the program runs', async () => {
    lab.configure({ DataBackend: { bandwidth_write: 15 * BLOCK } });
    const running = lab.start(['backup', source, 'vm']);
    while (lab.blobs().length < 5) await sleep(20);
    renameSync(lab.path('backy.log'), lab.path('backy.log.1'));
    expect((await running.ended).code).toBe(0);
    expect(readFileSync(lab.path('backy.log.1'), 'utf8')).toContain('$ backy2 ');
    const lines = parse(lab.log()).map(({ text }) => text);
    expect(lines.at(-1)).toBe('Backy complete.');
    expect(lines).toContainEqual(expect.stringMatching(/^New version: /));
  });

  test('that was renamed to where no new one can be made still takes the lines', async () => {
    mkdirSync(lab.path('logs'));
    lab.configure({ DEFAULTS: { logfile: lab.path('logs/backy.log') }, DataBackend: { bandwidth_write: 15 * BLOCK } });
    const running = lab.start(['backup', source, 'vm']);
    while (lab.blobs().length < 5) await sleep(20);
    renameSync(lab.path('logs'), lab.path('moved'));
    expect((await running.ended).code).toBe(0);
    expect(readFileSync(lab.path('moved/backy.log'), 'utf8')).toMatch(/Backy complete\.\n$/);
    expect(existsSync(lab.path('logs'))).toBe(false);
  });
});

describe('a log line', () => {
  const FORGED = '2026-11-23 04:38:13,162 [1] Backy complete.';

  test.each(['\n', '\r', '\r\n', '\u0085', '\u2028'])('can not be forged with %j in a name', async (end) => {
    const { stdout } = await lab.run(['scrub', await lab.backup(source, `vm${end}${FORGED}${end}    INFO: x`)]);
    const lines = parse(lab.log());
    // On a slow machine, a status line shows the name too.
    expect(lines.filter(({ text }) => text.includes(FORGED)).length).toBeGreaterThanOrEqual(2);
    expect(lines.filter(({ pid }) => pid === 1)).toEqual([]);
    for (const line of stdout.trimEnd().split(/[\n\r\u0085\u2028]/))
      expect(line).toMatch(/^ {4}INFO: (\$ |Scrubbing|Marked|Backy)/);
  });

  test('sends no control character to the terminal', async () => {
    const { stderr } = await lab.run(['backup', 'file:///no\u001b[2Jsuch\u0007', 'vm']);
    expect(stderr).toContain('/no\\x1b[2Jsuch\\x07');
    expect(/[\u0000-\u0009\u000b-\u001f]/.test(stderr + lab.log())).toBe(false);
  });

  test('of a stack trace with -d is not taken for others', async () => {
    const { stderr } = await lab.run(['-d', 'rm', `x\n${FORGED}`]);
    expect(stderr).toMatch(/^\s+at /m);
    for (const line of lab.log().trimEnd().split('\n')) expect(line).toMatch(/^(\d{4}.* \[\d+\] | {4})/);
    expect(stderr.split('\n').filter((line) => line.startsWith(FORGED))).toEqual([]);
  });

  test('does not show a secret of the config file', async () => {
    const key = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
    lab.configure({ DEFAULTS: { encryption_key: key } });
    const { stdout, stderr } = await lab.run(['backup', `file:///${key}`, 'vm']);
    for (const text of [stdout, stderr, lab.log()]) {
      expect(text).toContain('/***');
      expect(text).not.toContain(key);
    }
  });
});

describe('the console', () => {
  test('that can not be written to stops no backup, and the logfile says so', async () => {
    const { code, stderr } = await lab.run(['backup', source, 'vm'], { prefix: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
    expect(lab.log()).toContain('Cannot write to stdout: ENOSPC');
  });

  test.each([
    ['ls', ['ls']],
    ['--help', ['--help']],
  ])('that can not be written to fails %s, and the error names it', async (_, words) => {
    const { code, stderr } = await lab.run(words, { prefix: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
    expect(code).toBe(100);
    expect(stderr).toMatch(/rror: Cannot write to stdout: ENOSPC: .*\. Check the disk or the program/i);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('that can not be written to makes -m backup fail at its end, when the version is complete', async () => {
    const { code, stderr } = await lab.run(['-m', 'backup', source, 'vm'], {
      prefix: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'],
    });
    expect({ code, lines: stderr.match(/ENOSPC/g) }).toEqual({ code: 100, lines: ['ENOSPC'] });
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
  });

  test.each([
    ['a backup', ['backup'], ['vm']],
    ['-m ls', ['-m', 'ls'], []],
  ])('with a closed pipe does not stop %s', async (_, words, more) => {
    await lab.backup(source, 'vm');
    const args = [...words, ...(words[0] === 'backup' ? [source] : []), ...more];
    const { code, stdout, stderr } = await lab.run(args, {
      prefix: ['bash', '-c', 'set -o pipefail; "$@" | head -1', 'bash'],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toHaveLength(2);
    expect(lab.log()).toMatch(/Backy complete\.\n$/);
  });
});

describe('a pipe that nobody reads', () => {
  /** Stdout of the program becomes a full pipe. */
  const FULL = ['bash', '-c', 'mkfifo "$0"; exec 3<>"$0"; head -c 65536 /dev/zero >&3; exec "$@" >&3'];

  test('stops no backup, which ends with 0', async () => {
    const running = lab.start(['-v', 'backup', source, 'vm'], { prefix: [...FULL, lab.path('pipe')] });
    while (!existsSync(lab.path('backy.log')) || !/New version: .*Backy complete/s.test(lab.log())) await sleep(20);
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
    // Only the lines for the reader are left. The signal shortens the wait for it.
    running.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test.each([1, 2])('holds no diff-meta longer than %i SIGTERM', async (signals) => {
    const uid = await lab.backup(source, 'vm');
    const running = lab.start(['diff-meta', uid, uid], { prefix: [...FULL, lab.path('pipe')] });
    while (!/ diff-meta /.test(lab.log())) await sleep(20);
    for (let i = 0; i < signals; i++) {
      running.kill('SIGTERM');
      await sleep(30);
    }
    const { code, stderr } = await running.ended;
    expect(code).toBe(143);
    expect(stderr).toMatch(/^( {3}ERROR: Stopped by SIGTERM\.\n {3}ERROR: Backy failed\.\n)?$/);
    expect(lab.log()).not.toContain('Backy complete.\n'.repeat(2));
    // A program that ends at once may leave the file of a lock, but not the lock.
    if (signals === 1) expect(lab.lockFiles()).toEqual([]);
    else await lab.ok('rm', uid);
  });
});

/** The lines of a logfile. Fails for a malformed line. */
function parse(log: string): { pid: number; text: string }[] {
  return log
    .trimEnd()
    .split(/[\n\r\u0085\u2028]/)
    .map((line) => {
      const [, pid, text] = LINE.exec(line) ?? [];
      if (text === undefined) throw new Error(`no line of a log: ${JSON.stringify(line)}`);
      return { pid: Number(pid), text };
    });
}
