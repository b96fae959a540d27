import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const KEY = 'ab12'.repeat(16);
const VERSION = '11111111-2222-1333-8444-555555555555';
const HEAD = 'backy2 Version 2.12 metadata dump';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

const LINE = `${VERSION},2026-01-01 00:00:00,n,,1,4096,1,0,`;
const blockLine = (uid: string) => `${uid},${VERSION},0,2026-01-01 00:00:00,${'ab'.repeat(64)},4096,1,0,,`;
const EVIL_UIDS = [
  '../../../../../../tmp/scrubbed-by',
  '..'.repeat(16),
  `/etc/${'p'.repeat(27)}`,
  `ab/cd/${'e'.repeat(26)}`,
  `0123456789${'A'.repeat(21)}\n`,
  `0123456789${'A'.repeat(21)}0`,
  `0123456789${'A'.repeat(21)}`,
  `0123456789${'A'.repeat(23)}`,
  `0123456789${'A'.repeat(20)}\u0000A`,
  `0123456789${'Ａ'.repeat(22)}`,
];

describe('an import', () => {
  const CORPUS: [what: string, text: string | Buffer][] = [
    ['nothing', ''],
    ['binary noise', noise(5000, 'x')],
    ['binary noise behind a head', Buffer.concat([Buffer.from(`${HEAD}\r\n`), noise(5000, 'y')])],
    ['a version uid of a million letters', `${HEAD}\r\n${'a'.repeat(1_000_000)},2026-01-01 00:00:00,n,,1,4096,1,0,\r\n`],
    ['a NUL', `${HEAD}\r\n\0\r\n`],
    ['only a head', `${HEAD}\r\n`],
    ['an endless quote', `${HEAD}\r\n"${'a'.repeat(100_000)}`],
    ['a line of a million commas', `${HEAD}\r\n${','.repeat(1_000_000)}\r\n`],
    ['a size of 2^60', `${HEAD}\r\n${VERSION},2026-01-01 00:00:00,n,,1152921504606846976,4096,1,0,\r\n`],
    ['a negative size', `${HEAD}\r\n${VERSION},2026-01-01 00:00:00,n,,-1,4096,1,0,\r\n`],
    ['a version uid that is a path', `${HEAD}\r\n../../etc/passwd,2026-01-01 00:00:00,n,,1,4096,1,0,\r\n`],
    ['a version uid that is SQL', `${HEAD}\r\n"';DROP TABLE versions;--",2026-01-01 00:00:00,n,,1,4096,1,0,\r\n`],
    ['a date that is none', `${HEAD}\r\n${VERSION},2026-02-31 00:00:00,n,,1,4096,1,0,\r\n`],
    [
      'blocks of another version',
      `${HEAD}\r\n${LINE}\r\n${blockLine(`0123456789${'A'.repeat(22)}`).replace(VERSION, VERSION.replace('1', '2'))}\r\n`,
    ],
    ...EVIL_UIDS.map((uid): [string, string] => [
      `blob uid ${JSON.stringify(uid)}`,
      `${HEAD}\r\n${LINE}\r\n${blockLine(uid.includes('\n') ? `"${uid}"` : uid)}\r\n`,
    ]),
  ];

  test.each(CORPUS)('of %s is refused with one clear line, and changes nothing', async (_, text) => {
    const before = lab.dump();
    const { code, stdout, stderr } = await lab.run(['import', lab.write('nasty', text)]);
    expect(code).toBe(23);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(stderr.length).toBeLessThan(1000);
    expect(stdout + stderr).not.toMatch(/[^\n\P{Cc}]/u);
    expect(lab.dump()).toEqual(before);
  });
});

describe('a malformed blob uid in the database', () => {
  test.each(EVIL_UIDS.filter((uid) => !uid.includes('\0')))(
    '%j reaches no file: scrub and restore name its block, cleanup forgets it, backup stores again',
    async (uid) => {
      const image = noise(4 * BLOCK, 'image');
      const version = await lab.backup(`file://${lab.write('image', image)}`, 'v');
      const trap = join(lab.dataPath, uid.slice(0, 2), uid.slice(2, 4), `${uid}.blob`);
      const kept = lab.write('kept', 'kept');
      lab.sql('UPDATE blocks SET uid = ? WHERE id = 1', uid);
      const evil = '../../kept';
      lab.sql('UPDATE blocks SET uid = ? WHERE id = 2', evil);
      for (const command of [
        ['scrub', version],
        ['restore', version, `file://${lab.path('target')}`],
        ['scrub', '--oldest', '100'],
      ]) {
        const { code, stdout, stderr } = await lab.run(command);
        expect(code, stdout + stderr).toBe(20);
        expect(stderr).toContain("can't be the uid of a blob");
        expect(stdout + stderr).not.toMatch(/[^\n\P{Cc}]/u);
      }
      lab.sql('UPDATE blocks SET valid = 1');
      await lab.ok('backup', `file://${lab.path('image')}`, 'again');
      await lab.ok('rm', version);
      lab.sql('INSERT INTO deleted_blocks (uid, size, delete_candidate, time) VALUES (?, 1, 0, 0)', evil);
      await lab.ok('cleanup', '--dangerous-force');
      await lab.ok('cleanup', '-f');
      expect(readFileSync(kept, 'utf8')).toBe('kept');
      expect(existsSync(trap)).toBe(false);
      expect(lab.query('SELECT uid FROM deleted_blocks WHERE uid = ?', evil)).toEqual([]);
    },
  );
});

describe('names with control characters', () => {
  const NAME = 'a\nERROR: forged\r\u001b[2J\u009b31m\u202eb|c';
  test('never reach terminal or log unescaped, except in rows for scripts, which escape nothing', async () => {
    const source = `file://${lab.write('image', noise(BLOCK, 'x'))}`;
    const said = [await lab.run(['backup', '-s', NAME, '-t', `"${NAME}"`, source, NAME])];
    expect(said[0]?.code).toBe(0);
    const [version] = lab.versions();
    for (const words of [
      ...[['ls'], ['--json', 'ls'], ['stats'], ['ls', NAME], ['du', '-f', 'name'], ['scrub', '--all']],
      ...[
        ['scrub', '--name', NAME],
        ['scrub', version?.uid ?? ''],
        ['restore', version?.uid ?? '', `file:///${NAME}/x`],
        ['scrub', NAME],
      ],
      ...[
        ['backup', `${NAME}://x`, 'n'],
        ['import', `/${NAME}`],
        ['due', NAME, '-s', NAME],
        ['rm', NAME],
        [NAME],
        ['ls', `--${NAME}`],
      ],
      ...[
        ['repair', NAME, '-s', NAME],
        ['scrub', '-p', NAME, 'x'],
        ['scrub', '--budget', NAME],
        ['export', version?.uid ?? '', `/${NAME}/x`],
      ],
    ])
      said.push(await lab.run(words));
    for (const { stdout, stderr } of said) expect(stdout + stderr).not.toMatch(/[^\n\P{Cc}]|[\u202a-\u202e\u2066-\u2069]/u);
    expect(said.map(({ stdout, stderr }) => stdout + stderr).join('')).not.toMatch(/^ERROR: forged/m);
    expect(lab.log()).not.toMatch(/[^\n\P{Cc}]|[\u202a-\u202e]/u);
    expect(lab.log()).not.toMatch(/^ERROR: forged/m);
    const forScripts = await lab.run(['-ms', 'ls', '-f', 'name,valid']);
    expect(forScripts).toMatchObject({ stdout: `${NAME}|1\n`, stderr: '' });
    const [row] = JSON.parse((await lab.run(['--json', 'ls'])).stdout) as { name: string }[];
    expect(row?.name).toBe(NAME);
  });
});

describe('secrets', () => {
  const S3_SECRET = 'S3SECRETs3secret+/x';
  const PASSWORD = 'pass-w0rd%2F';
  const CONFIGS: [what: string, config: Record<string, Record<string, string | number>>, secrets: string[]][] = [
    ['an encryption key', { DEFAULTS: { encryption_version: 1, encryption_key: KEY } }, [KEY]],
    ['a key that is wrong', { DEFAULTS: { encryption_version: 1, encryption_key: `${KEY}x` } }, [KEY]],
    [
      'a password of a database that is not there',
      { MetaBackend: { engine: `postgresql://u:${PASSWORD.replaceAll('%', '%%')}@127.0.0.1:25509/x` } },
      [PASSWORD, 'pass-w0rd/'],
    ],
    [
      'a password in a URL that is wrong',
      { MetaBackend: { engine: `mysql://u:${PASSWORD.replaceAll('%', '%%')}@h/x` } },
      [PASSWORD, 'pass-w0rd'],
    ],
    [
      'a password in a query',
      { MetaBackend: { engine: 'postgresql:///x?host=127.0.0.1&port=25509&user=u&password=quer1pass' } },
      ['quer1pass'],
    ],
    [
      'the keys of S3 that is not there',
      {
        DataBackend: {
          type: 's3',
          aws_access_key_id: 'ID',
          aws_secret_access_key: S3_SECRET,
          bucket_name: 'b',
          host: '127.0.0.1',
          port: 25508,
          is_secure: 'false',
        },
      },
      [S3_SECRET],
    ],
  ];
  test.each(CONFIGS)('%s: in no log, error, JSON, nor in the process list', async (_, config, secrets) => {
    const source = `file://${lab.write('image', noise(BLOCK * 50, 'x'))}`;
    lab.configure(config);
    let seen = '';
    for (const words of [
      ['-d', 'backup', source, 'n'],
      ['--json', 'ls'],
      ['-d', 'check-storage'],
      ['scrub', '--coverage'],
      ['-v', 'cleanup'],
    ]) {
      const running = lab.start(words);
      seen += readdirSync('/proc').includes(String(running.pid)) ? readFileSync(`/proc/${running.pid}/cmdline`, 'utf8') : '';
      const { stdout, stderr } = await running.ended;
      seen += stdout + stderr;
    }
    if (existsSync(lab.path('backy.log'))) seen += lab.log();
    expect(seen).not.toBe('');
    for (const secret of secrets) expect(seen).not.toContain(secret);
  });

  test('in a config file that everybody can read cause one warning, and only then', async () => {
    const config = lab.path('backy.cfg');
    lab.configure({ DEFAULTS: { encryption_version: 1, encryption_key: KEY } });
    for (const [mode, count] of [
      [0o600, 0],
      [0o640, 0],
      [0o644, 1],
    ] as const) {
      chmodSync(config, mode);
      const { stdout } = await lab.run(['ls']);
      expect(stdout.match(/WARNING: .*every user of this host can read \[DEFAULTS\] encryption_key/g) ?? []).toHaveLength(count);
      expect((await lab.run(['-m', '-s', 'ls'])).stdout).toBe('');
    }
    writeFileSync(
      config,
      readFileSync(config, 'utf8')
        .replace(/encryption_key.*\n/, '')
        .replace('encryption_version: 1', 'encryption_version: 0'),
    );
    expect((await lab.run(['ls'])).stdout).not.toContain('WARNING');
  });
});

test('blobs and restored files are readable by their owner only, whatever the umask', async () => {
  const image = lab.write('image', noise(4 * BLOCK, 'x'));
  const { code } = await lab.startCommand([
    'sh',
    '-c',
    `umask 000; exec "$0" "$@"`,
    ...(await binary()),
    'backup',
    `file://${image}`,
    'v',
  ]).ended;
  expect(code).toBe(0);
  const entries = readdirSync(lab.dataPath, { recursive: true, withFileTypes: true });
  const modes = entries.map((entry) => [
    entry.isDirectory() ? 0o700 : 0o600,
    statSync(join(entry.parentPath, entry.name)).mode & 0o777,
  ]);
  expect(modes.length).toBeGreaterThan(4);
  for (const [expected, mode] of modes) expect(mode).toBe(expected);
  const [version] = lab.versions();
  await lab.startCommand([
    'sh',
    '-c',
    `umask 000; exec "$0" "$@"`,
    ...(await binary()),
    'restore',
    version?.uid ?? '',
    `file://${lab.path('target')}`,
  ]).ended;
  expect(statSync(lab.path('target')).mode & 0o777).toBe(0o600);
});

async function binary(): Promise<string[]> {
  const { BINARY } = await import('../support/program/process.ts');
  return [BINARY, '-c', lab.path('backy.cfg')];
}
