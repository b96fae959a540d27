import { chmodSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { blobPath } from '../../src/data/file/blob-paths.ts';
import { compileFaultyIo } from '../support/faults/faulty-io.ts';
import { noise } from '../support/images/random.ts';
import { asUser, needUser } from '../support/labs/as-user.ts';
import { type Failure, failureIn } from '../support/labs/json-schemas.ts';
import { Lab } from '../support/labs/lab.ts';
import { PATH_WITH_SBIN, type Result, Running } from '../support/program/process.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const BLOCK = 4096;
/** A module that makes the program fail in an unexpected place, on SIGUSR2. */
const THROWS = `data:text/javascript,${encodeURIComponent("process.on('SIGUSR2', () => { throw new Error('nobody foresaw this'); })")}`;
const gcc = lacking(await needTool('gcc', '--version'));
const library = gcc.skip ? '' : await compileFaultyIo();
const user = lacking(await needUser());
const NOBODY = '11111111-1111-1111-8111-111111111111';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

/** Values are checked before the database is opened: those that any word will not do for. */
const VALUES: Record<string, string> = {
  '<source>': 'null://8kB',
  '<target>': 'null://',
  '<expire>': '2030-01-01',
};
/** Beside arguments: `scrub` takes a version, or an option that selects several. */
const NEEDED_WORDS: Record<string, string[]> = {
  ...{ scrub: ['x'], repair: ['-s', 'null://8kB'], rekey: ['a'.repeat(64)] },
  'convert-db': ['--to', 'compact'],
  report: ['--html', '/nowhere/report.html'],
};
/** Exit codes of failures where they differ: those of monitoring plugins. */
const EXIT_CODES: Record<string, number> = { status: 3 };

/** Makes a source file. @returns its URL. */
function sourceOf(name: string, bytes = noise(8 * BLOCK, name)): string {
  return `file://${lab.write(name, bytes)}`;
}

/** Checks that a run failed, with one document about it, and the same message on stderr. */
function expectFailed({ code, stdout, stderr }: Result, error: Partial<Failure['error']>): Failure {
  const failure = failureIn(stdout);
  expect(failure.error).toMatchObject(error);
  expect(code, stderr).toBe(failure.error.exit_code);
  expect(stderr).toContain(failure.error.message);
  return failure;
}

describe.each(COMMANDS)('--json $name', ({ name, args, needsDatabase }) => {
  const words = args.flatMap(([syntax]) => (syntax.startsWith('<') ? [VALUES[syntax] ?? 'x'] : []));
  const needed = [...words, ...(NEEDED_WORDS[name] ?? [])];

  test('that is used wrongly: one document, exit 2 unless it is for plugins', async () => {
    expectFailed(await lab.run(['--json', name, '--frobnicate', ...needed]), { code: 'usage', exit_code: EXIT_CODES[name] ?? 2 });
    if (needed.length > 0) expectFailed(await lab.run(['--json', name]), { code: 'usage', exit_code: 2 });
  });

  test('without its config file or database: one document, exit 1 unless it is for plugins', async () => {
    const failed = EXIT_CODES[name] ?? 1;
    const config = await lab.startBare(['--json', '-c', lab.path('no.cfg'), name, ...needed]).ended;
    expectFailed(config, { code: 'config', exit_code: failed, message: `File not found: ${lab.path('no.cfg')}` });
    lab.configure({ DEFAULTS: { logfile: lab.path('no/log') } });
    expectFailed(await lab.run(['--json', name, ...needed]), { code: 'config', exit_code: failed });
    if (needsDatabase === false) return;
    const engine = { engine: `sqlite:///${lab.path('no.sqlite')}` };
    lab.configure({ MetaBackend: engine, 'job:x': { source: 'null://8kB' } });
    expectFailed(await lab.run(['--json', name, ...needed]), { code: 'database', exit_code: failed });
  });
});

describe('wrong arguments', () => {
  test.each([
    ['no command', ['--json'], 1],
    ['no command, and another option', ['-m', '--json'], 1],
    ['an unknown command', ['--json', 'frobnicate'], 2],
    ['an unknown global option', ['--json', '--frobnicate', 'ls'], 2],
    ['an ambiguous one', ['--json', '--ver', 'ls'], 2],
    ['--json after the wrong word', ['--frobnicate', '--json', 'ls'], 2],
    ['--json where it is not known', ['ls', '--json'], 2],
    ['--json abbreviated', ['--js', 'ls', '-f'], 2],
  ])('%s: one document', async (_, args, exitCode) => {
    const { stdout, stderr, code } = await lab.startBare(args).ended;
    expect(failureIn(stdout).error).toMatchObject({ code: 'usage', exit_code: exitCode });
    expect(code).toBe(exitCode);
    expect(stderr).not.toBe('');
  });

  test('without --json, or with it only as a value, stdout stays empty', async () => {
    for (const args of [['frobnicate'], ['ls', '--frobnicate', '--', '--json']]) {
      expect(await lab.run(args)).toMatchObject({ code: 2, stdout: '' });
    }
  });
});

describe('a failure has a code, exit code, message and hint', () => {
  test.each([
    [
      'an unknown version',
      () => ['scrub', NOBODY],
      { code: 'notFound', exit_code: 100, hint: 'List the versions with: backy2 ls' },
    ],
    ['a bad date', () => ['backup', '-e', 'soon', 'null://8kB', 'vm'], { code: 'badDate', exit_code: 1 }],
    ['a value of the wrong kind', () => ['scrub', '-p', 'many', NOBODY], { code: 'usage', exit_code: 2 }],
    ['a field that is not known', () => ['ls', '-f', 'colour'], { code: 'failed', exit_code: 100 }],
    ['a source that is not there', () => ['backup', `file://${lab.path('no')}`, 'vm'], { code: 'io', exit_code: 100 }],
    [
      'hints that are none',
      () => ['backup', '-r', lab.write('hints', 'x'), 'null://8kB', 'vm'],
      { code: 'hints', exit_code: 100 },
    ],
    ['a file that is no export', () => ['import', lab.write('export', 'x')], { code: 'badImport', exit_code: 23 }],
    ['a database that is there already', () => ['initdb'], { code: 'refused', exit_code: 100 }],
  ] as const)('%s', async (_, args, error) => {
    expect(expectFailed(await lab.run(['--json', ...args()]), error).partial).toBeNull();
  });

  test('a target or a version that exists already, and versions in the wrong state for a command', async () => {
    const uid = await lab.backup(sourceOf('image'), 'vm');
    await lab.ok('export', uid, lab.path('exported'));
    const cases: [args: string[], error: Partial<Failure['error']>][] = [
      [['restore', uid, `file://${lab.path('image')}`], { code: 'targetRefused', exit_code: 1 }],
      [['import', lab.path('exported')], { code: 'versionExists', exit_code: 22 }],
      [['unprotect', uid], { code: 'refused', exit_code: 100 }],
      [['backup', '-c', uid, sourceOf('image'), 'vm'], { code: 'refused', exit_code: 100 }],
    ];
    for (const [args, error] of cases) expect(expectFailed(await lab.run(['--json', ...args]), error).partial).toBeNull();
  });

  test('hints that do not fit the base: no version is named, since none is left', async () => {
    const base = await lab.backup(sourceOf('image'), 'vm');
    const args = ['--json', 'backup', '-f', base, '-r', lab.write('none', '[]'), sourceOf('other'), 'vm'];
    expect(expectFailed(await lab.run(args), { code: 'hintsMismatch', exit_code: 5 }).partial).toBeNull();
    expect(lab.versions()).toHaveLength(1);
  });

  test('a data backend that fails a backup: the version to resume', async () => {
    rmSync(lab.dataPath, { recursive: true });
    writeFileSync(lab.dataPath, 'no folder');
    const { partial } = expectFailed(await lab.run(['--json', 'backup', sourceOf('image'), 'vm']), {
      code: 'dataBackend',
      exit_code: 6,
    });
    expect(partial).toEqual({ uid: lab.versions()[0]?.uid });
    rmSync(lab.dataPath);
    await lab.ok('backup', '-c', String(partial?.uid), sourceOf('image'), 'vm');
  });

  test('a data backend that is not the store of the database: exit 6, and nothing was begun', async () => {
    const uid = await lab.backup(sourceOf('image'), 'vm');
    renameSync(lab.dataPath, lab.path('away'));
    mkdirSync(lab.dataPath);
    for (const args of [
      ['restore', uid, 'null://'],
      ['scrub', uid],
      ['backup', sourceOf('image'), 'vm'],
    ]) {
      expect(expectFailed(await lab.run(['--json', ...args]), { code: 'wrongStore', exit_code: 6 }).partial).toBeNull();
    }
    expect(lab.versions()).toHaveLength(1);
  });

  test.skipIf(user.skip)(
    `a data backend that fails a restore: the block to resume from; a scrub: exit 100${user.note}`,
    async () => {
      const uid = await lab.backup(sourceOf('image'), 'vm');
      const prefix = asUser(lab);
      // A blob that exists but that this user may not read.
      const [first] = lab.blocks(uid);
      chmodSync(blobPath(lab.dataPath, first?.uid ?? ''), 0o000);
      const restore = await lab.run(['--json', 'restore', uid, 'null://'], { prefix });
      expect(expectFailed(restore, { code: 'dataBackend', exit_code: 6 }).partial).toEqual({ uid, continue_from: 0 });
      const scrub = await lab.run(['--json', 'scrub', uid], { prefix });
      expect(expectFailed(scrub, { code: 'dataBackend', exit_code: 100 }).partial).toBeNull();
      expect(lab.version(uid).valid).toBe(1);
    },
  );

  test('rm of several versions, one of which stays: the removed ones', async () => {
    const uids = [
      await lab.backup(sourceOf('a'), 'a'),
      await lab.backup(sourceOf('b'), 'b'),
      await lab.backup(sourceOf('c'), 'c'),
    ];
    await lab.ok('protect', uids[1] ?? '');
    const { partial } = expectFailed(await lab.run(['--json', 'rm', ...uids]), { code: 'refused', exit_code: 100 });
    expect(partial).toEqual({ removed: [{ uid: uids[0], name: 'a', blocks: 8 }] });
    expect(lab.versions().map(({ uid }) => uid)).toEqual(uids.slice(1));
  });

  test('export to - is refused before anything is written', async () => {
    const uid = await lab.backup(sourceOf('image'), 'vm');
    expectFailed(await lab.run(['--json', 'export', uid, '-']), { code: 'usage', exit_code: 2 });
  });

  test('a number that cannot be represented exactly', async () => {
    await lab.backup(sourceOf('image'), 'vm');
    lab.sql('UPDATE versions SET size_bytes = 9007199254740993');
    expectFailed(await lab.run(['--json', 'ls']), { code: 'failed', exit_code: 100 });
    expect(await lab.ok('--json', 'ls', '-f', 'name')).toContain('"vm"');
  });
});

describe('a stopped run', () => {
  const LARGE_BLOCK = 512 * 1024;
  const slowImage = noise(40 * LARGE_BLOCK, 'slow');
  beforeEach(async () => {
    lab.remove();
    lab = await Lab.create({ blockSize: LARGE_BLOCK });
  });

  /** From now on it takes seconds to move the image's blobs. */
  function slow(): void {
    lab.configure({ DataBackend: { bandwidth_write: 10 * LARGE_BLOCK, bandwidth_read: 10 * LARGE_BLOCK } });
  }

  const SIGNALS: [signal: NodeJS.Signals, code: number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ];

  test.each(SIGNALS)('by %s reports it, and the version to resume', async (signal, exitCode) => {
    const source = sourceOf('slow', slowImage);
    slow();
    const running = lab.start(['--json', 'backup', source, 'vm']);
    await until(running, () => lab.blobs().length > 2);
    running.kill(signal);
    const { error, partial } = expectFailed(await running.ended, { code: 'interrupted', exit_code: exitCode });
    expect(error.message).toBe(`Stopped by ${signal}.`);
    lab.configure({});
    await lab.ok('backup', '-c', String(partial?.uid), source, 'vm');
  });

  test('by SIGTERM during a restore reports the block to resume from', async () => {
    const uid = await lab.backup(sourceOf('slow', slowImage), 'vm');
    slow();
    const target = lab.path('target');
    const running = lab.start(['--json', 'restore', uid, `file://${target}`]);
    await until(running, () => lab.lockFiles().length > 0);
    await sleep(500);
    running.kill('SIGTERM');
    const { error, partial } = expectFailed(await running.ended, { code: 'interrupted', exit_code: 143 });
    expect(error.hint).toContain(`restore -f -c ${partial?.continue_from} ${partial?.uid} `);
  });

  test.skipIf(gcc.skip)(`by a second signal, because it hangs, reports it too${gcc.note}`, async () => {
    const source = sourceOf('slow', slowImage);
    const offset = String(39 * LARGE_BLOCK);
    const env = { LD_PRELOAD: library, FAULT_PATH: lab.path('slow'), FAULT_OFFSET: offset, FAULT_KIND: 'hang' };
    const running = lab.start(['--json', 'backup', source, 'vm'], { env });
    // Only the block that hangs is left, and the one read together with it.
    await until(running, () => lab.blobs().length === 38);
    running.kill('SIGINT');
    await sleep(200);
    running.kill('SIGTERM');
    const { stdout, code } = await running.ended;
    const { error, partial } = failureIn(stdout);
    expect(error).toMatchObject({ code: 'interrupted', exit_code: 143, message: 'Stopped by SIGTERM.' });
    expect(code).toBe(143);
    expect(partial).toEqual({ uid: lab.versions()[0]?.uid });
  });

  test('by an unexpected error reports it: exit 100', async () => {
    slow();
    const running = lab.start(['--json', 'backup', sourceOf('slow', slowImage), 'vm'], {
      env: { NODE_OPTIONS: `--import=${THROWS}` },
    });
    await until(running, () => lab.blobs().length > 2);
    running.kill('SIGUSR2');
    const { error, partial } = expectFailed(await running.ended, { code: 'failed', exit_code: 100 });
    expect(error.message).toContain('nobody foresaw this');
    expect(partial).toEqual({ uid: lab.versions()[0]?.uid });
  });
});

describe('a program that', () => {
  test('lacks a package reports it', async () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    for (const part of ['bin', 'dist', 'package.json']) cpSync(`${root}${part}`, lab.path(`copy/${part}`), { recursive: true });
    const env = { PATH: PATH_WITH_SBIN, HOME: lab.path('home') };
    const running = new Running([lab.path('copy/bin/backy2'), '--json', 'ls'], { env });
    expectFailed(await running.ended, { code: 'failed', exit_code: 100 });
  });

  test('cannot write to stdout ends with 100 and reports it once', async () => {
    await lab.backup(sourceOf('image'), 'vm');
    const { code, stderr } = await lab.run([], { prefix: ['sh', '-c', `exec "$0" "$@" --json ls > /dev/full`] });
    expect(code).toBe(100);
    expect(stderr.match(/ENOSPC/g)).toHaveLength(1);
  });
});

async function until(running: Running, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (running.hasEnded) throw new Error(`it ended too early: ${JSON.stringify(await running.ended)}`);
    await sleep(20);
  }
}
