import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';

const BLOCK = 4096;

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

describe('usage', () => {
  test('no subcommand prints the usage and exits 1', async () => {
    const { code, stdout } = await lab.startBare([]).ended;
    expect(stdout).toMatch(/^usage: backy2/);
    expect(code).toBe(1);
    expect((await lab.startBare(['-m']).ended).code).toBe(1);
  });

  test.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown global option', ['--frobnicate', 'ls']],
    ['an unknown option', ['ls', '--frobnicate']],
    ['a missing argument', ['backup', 'null://8kB']],
    ['an argument too many', ['initdb', 'again']],
    ['an option without its value', ['ls', '-f']],
    ['a percentage that is none', ['scrub', '-p', 'many', '11111111-1111-1111-8111-111111111111']],
    ['a percentage over 100', ['scrub', '-p', '101', '11111111-1111-1111-8111-111111111111']],
    ['a block number that is none', ['restore', '-c', 'x', '11111111-1111-1111-8111-111111111111', 'null://']],
  ])('%s exits 2, says so on stderr, and does nothing', async (_, args) => {
    const before = lab.dump();
    const { code, stderr } = await lab.run(args);
    expect(code).toBe(2);
    expect(stderr).not.toBe('');
    expect(lab.dump()).toEqual(before);
  });

  test('-V prints the version, -h the help, of the program and of commands', async () => {
    expect((await lab.startBare(['-V']).ended).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await lab.startBare(['-h']).ended;
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('backup');
    const sub = await lab.startBare(['backup', '-h']).ended;
    expect(sub.code).toBe(0);
    expect(sub.stdout).toContain('--snapshot-name');
  });

  test('long options may be abbreviated, short ones combined, and options may follow arguments', async () => {
    const source = `file://${lab.write('image', noise(BLOCK, 'image'))}`;
    const args = ['--machine', 'backup', source, 'vm', '--snap', 's1', '--tag=a', '--exp', '2031-01-01'];
    const uid = uidOf(await lab.ok(...args));
    expect(lab.version(uid).snapshot_name).toBe('s1');
    expect(await lab.ok('-ms', 'ls', 'vm', '-s', 's1', '-f', 'uid')).toBe(`${uid}\n`);
    expect(await lab.ok('--machine-output', '--skip', 'ls', '--fields', 'uid', '--snapshot', 's1')).toBe(`${uid}\n`);
  });

  test('an ambiguous abbreviation exits 2 and lists the candidates', async () => {
    const { code, stderr } = await lab.run(['--s', 'ls', '--f', 'uid']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const ambiguous = await lab.run(['--ver', 'ls']);
    expect(ambiguous.code).toBe(2);
    expect(ambiguous.stderr).toMatch(/--verbose.*--version/);
  });

  test('initdb on an initialised database exits 1 or more and touches nothing', async () => {
    const uid = await lab.backup(`file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm');
    const before = lab.dump();
    const { code, stderr } = await lab.run(['initdb']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/ERROR: /);
    expect(lab.dump()).toEqual(before);
    await lab.ok('scrub', uid);
  });

  test('output goes where it belongs: INFO to stdout, ERROR to stderr, nothing but data with -m', async () => {
    const uid = await lab.backup(`file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm');
    const good = await lab.run(['scrub', uid]);
    expect(good.stdout).toContain('    INFO: Backy complete.\n');
    expect(good.stderr).toBe('');
    const quiet = await lab.run(['-m', 'scrub', uid]);
    expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await lab.run(['-q', 'scrub', uid])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await lab.ok('-qs', 'ls', '-f', 'uid')).toBe(`+--------------------------------------+
| ${uid} |
+--------------------------------------+
`);
    const bad = await lab.run(['-m', 'rm', '11111111-1111-1111-8111-111111111111']);
    expect(bad.stdout).toBe('');
    expect(bad.stderr).toContain('   ERROR: Backy failed.\n');
    expect((await lab.run(['-v', 'scrub', uid])).code).toBe(0);
    expect((await lab.run(['-d', 'rm', '11111111-1111-1111-8111-111111111111'])).stderr).toMatch(/^\s+at /m);
  });

  test('progress ends with 100.0%', async () => {
    const uid = await lab.backup(`file://${lab.write('image', noise(9 * BLOCK, 'image'))}`, 'vm');
    expect(await lab.ok('restore', uid, `file://${lab.path('target')}`)).toMatch(
      /INFO: Restore phase 2\/2 \(data\) to file:\/\/\S+ Read Queue \[[= ]{10}\] Write Queue \[[= ]{10}\] \(100\.0% .*\) Last ID: \d+\n/,
    );
    expect(await lab.ok('scrub', uid)).toMatch(/INFO: Scrubbing .*\(100\.0% /);
    expect(await lab.ok('backup', `file://${lab.path('image')}`, 'vm')).toMatch(/INFO: Backing up \(2\/2: Data\) .*\(100\.0% /);
  });
});

describe('the null source and target', () => {
  test.each([
    ['10000', 10_000],
    ['10k', 10_240],
    ['10kB', 10_240],
    ['1M', 1_048_576],
    ['1MB', 1_048_576],
  ])('null://%s has %i bytes: block i is i as 16 bytes little-endian, then spaces', async (size, bytes) => {
    const uid = await lab.backup(`null://${size}`, 'null');
    expect(lab.version(uid).size_bytes).toBe(bytes);
    const expected = Buffer.alloc(bytes, ' ');
    for (let at = 0; at < bytes; at += BLOCK) {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(at / BLOCK);
      head.copy(expected, at);
    }
    expect(await lab.restoredSha256(uid)).toBe(sha256(expected));
  });

  test('a null target takes everything and needs no -f', async () => {
    const uid = await lab.backup('null://100kB', 'null');
    await lab.ok('restore', uid, 'null://');
    await lab.ok('restore', '-s', uid, 'null://100kB');
  });

  test.each(['null://', 'null://many', 'null://-5', 'null://1.5GB'])('%s is no source: a clear error', async (source) => {
    const result = await lab.run(['backup', source, 'null']);
    expectFailure(result, 100, /null|size/i);
    expect(lab.versions()).toEqual([]);
  });
});

describe('without a config file', () => {
  const bare = (args: string[], env: Record<string, string>) => lab.startBare(args, { cwd: lab.path('home'), env }).ended;

  test('the embedded default works at once, with its state where XDG_DATA_HOME says', async () => {
    const env = { XDG_DATA_HOME: lab.path('xdg') };
    const image = noise(5_000_000, 'image');
    const source = `file://${lab.write('image', image)}`;
    const first = await bare(['backup', source, 'vm'], env);
    expect(first.code).toBe(0);
    expect(first.stdout.match(new RegExp(`INFO: .*${lab.path('xdg/backy2')}`, 'g'))).toHaveLength(1);
    const uid = (await bare(['-ms', 'ls', '-f', 'uid'], env)).stdout.trim();
    expect((await bare(['restore', uid, `file://${lab.path('target')}`], env)).code).toBe(0);
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(image));
    expect((await bare(['scrub', uid], env)).code).toBe(0);
    expect(readdirSync(lab.path('xdg/backy2')).sort()).toEqual(['backy.log', 'backy.sqlite', 'data', 'locks']);
    expect(readdirSync(lab.path('home'))).toEqual([]);
  });

  test('as soon as there is one, initdb is needed', async () => {
    lab.write(
      'home/backy.cfg',
      `[DEFAULTS]\nlogfile: ${lab.path('x.log')}\nencryption_version: 0\n[MetaBackend]\nengine: sqlite:///${lab.path('x.sqlite')}\n`,
    );
    const result = await bare(['ls'], { XDG_DATA_HOME: lab.path('xdg') });
    expect(result.stderr).toMatch(/ERROR: .*initdb/);
    expect(result.code).toBe(1);
    expect(existsSync(lab.path('x.sqlite'))).toBe(false);
    expect(existsSync(lab.path('xdg'))).toBe(false);
  });
});
