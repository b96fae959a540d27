import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { processEnvironment } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { readConfigFiles } from '../../../src/config/lookup.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

test.each([undefined, ''])('without -c (%j) all files of the lookup are read, the current folder last', (configFile) => {
  const { env, write } = makeSandbox();
  const etc = write('root/etc/backy.cfg', 'one');
  const inner = write('root/etc/backy/backy.cfg', 'two');
  const late = write('root/etc/backy/conf.d/20-b', 'four');
  const early = write('root/etc/backy/conf.d/10-a.cfg', 'three');
  write('root/etc/backy/conf.d/.hidden', 'no');
  write('root/etc/backy/conf.d/folder/x', 'no');
  const own = write('home/.backy.cfg', 'five');
  write('cwd/backy.cfg', 'six');
  const files = readConfigFiles(configFile, env);
  expect(files.map(({ name }) => name)).toEqual([etc, inner, early, late, own, 'backy.cfg']);
  expect(files.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
});

test('later files win option by option', () => {
  const { env, write } = makeSandbox();
  const etc = write('root/etc/backy.cfg', '[DEFAULTS]\nencryption_version: 0\nblock_size: 512\nlogfile: etc.log');
  const part = write(
    'root/etc/backy/conf.d/x',
    '[DEFAULTS]\nblock_size: 1024\nprocess_name: x\n[daily]\ninterval: 1d\nkeep: 1\n',
  );
  write('cwd/backy.cfg', '[daily]\nsla: 1h\n[DEFAULTS]\nprocess_name: cwd');
  const config = loadConfig(undefined, env);
  expect(config).toMatchObject({ files: [etc, part, 'backy.cfg'], embedded: false });
  expect(config).toMatchObject({ blockSize: 1024, logfile: 'etc.log', processName: 'cwd' });
  expect(config.schedulers).toEqual([{ name: 'daily', intervalSeconds: 86400, keep: 1, slaSeconds: 3600 }]);
});

test('an error names the file that the value came from', () => {
  const { env, write } = makeSandbox();
  write('root/etc/backy.cfg', '[DEFAULTS]\nencryption_version: 0\n');
  const part = write('root/etc/backy/conf.d/x', '[DEFAULTS]\nworkers: many');
  write('cwd/backy.cfg', '[DEFAULTS]\nblock_size: 512');
  expect(configErrorOf(() => loadConfig(undefined, env)).message).toBe(
    `${part}: [DEFAULTS] workers: "many" is not a whole number from 1 to 256.`,
  );
});

test('with -c only that file is read, relative to the current folder', () => {
  const { env, write } = makeSandbox();
  write('root/etc/backy.cfg', 'broken');
  write('cwd/backy.cfg', 'broken');
  write('cwd/my.cfg', 'mine');
  expect(readConfigFiles('my.cfg', env)).toMatchObject([{ name: 'my.cfg', text: 'mine' }]);
});

test('a file that ends before its size is refused: the rest of it may have options', () => {
  const { env, write } = makeSandbox();
  const path = `${dirname(write('root/etc/other', ''))}/backy.cfg`;
  // The kernel gives its files a page, and ends them early.
  symlinkSync('/sys/kernel/uevent_seqnum', path);
  const { message, hint } = configErrorOf(() => readConfigFiles(undefined, env));
  expect(message).toMatch(/backy\.cfg: cannot be read: it ended after \d+ of 4096 bytes\.$/);
  expect(hint).toBe('Check its disk and the kernel log.');
});

test('a byte order mark is not part of the text', () => {
  const { env, write } = makeSandbox();
  const file = write('bom.cfg', '\uFEFF[DEFAULTS]');
  expect(readConfigFiles(file, env)).toMatchObject([{ name: file, text: '[DEFAULTS]' }]);
});

test('a missing file of -c is an error', () => {
  const { env, write } = makeSandbox();
  write('cwd/file', '');
  expect(configErrorOf(() => loadConfig('missing.cfg', env)).message).toBe('File not found: missing.cfg');
  expect(configErrorOf(() => loadConfig('file/x.cfg', env)).message).toBe('File not found: file/x.cfg');
});

test('a folder, bytes that are not text, and a symlink loop are errors', () => {
  const { env, write } = makeSandbox();
  mkdirSync(join(env.cwd, 'locks'));
  write('cwd/latin1.cfg', Buffer.from('[DEFAULTS]\r\n# ä\nlogfile: \xe4\n', 'latin1'));
  symlinkSync('loop.cfg', join(env.cwd, 'loop.cfg'));
  expect(configErrorOf(() => loadConfig('locks', env)).message).toBe('locks: is a directory, not a config file.');
  expect(configErrorOf(() => loadConfig('latin1.cfg', env)).message).toBe('latin1.cfg:2: this line is not UTF-8 text.');
  expect(configErrorOf(() => loadConfig('loop.cfg', env)).message).toMatch(/^loop\.cfg: cannot be read: ELOOP/);
});

test('a file in conf.d whose name is not UTF-8 is an error: its options would be missing', () => {
  const { env, write } = makeSandbox();
  const folder = dirname(write('root/etc/backy/conf.d/10-a.cfg', ''));
  writeFileSync(Buffer.from(`${folder}/b\xe4.cfg`, 'latin1'), '[DEFAULTS]');
  const message = `${folder}/b\uFFFD.cfg: the name of this file is not valid UTF-8.`;
  expect(configErrorOf(() => loadConfig(undefined, env)).message).toBe(message);
  const home = configErrorOf(() => loadConfig(undefined, { ...env, home: '/home/j\uFFFDrg' })).message;
  expect(home).toBe('The path of the home folder is not valid UTF-8: /home/j\uFFFDrg');
});

test('a file without permission is an error, with -c and without', () => {
  const { env, folder, write } = makeSandbox();
  chmodSync(folder, 0o755);
  chmodSync(write('cwd/backy.cfg', ''), 0);
  const message = 'backy.cfg: permission denied. Run as a user who may read it, or name another config file with -c.';
  asOrdinaryUser(() => {
    expect(configErrorOf(() => loadConfig('backy.cfg', env)).message).toBe(message);
    expect(configErrorOf(() => loadConfig(undefined, env)).message).toBe(message);
  });
});

test('the environment of this process is complete', () => {
  const env = processEnvironment();
  expect(env).toMatchObject({ root: '/', cwd: '.', uid: process.getuid?.() });
  expect(env.cpus).toBeGreaterThan(0);
});

/** Calls `act` as another user: root may read everything. */
function asOrdinaryUser(act: () => void): void {
  const uid = process.geteuid?.() ?? -1;
  if (uid === 0) process.seteuid?.(65534);
  try {
    act();
  } finally {
    if (uid === 0) process.seteuid?.(uid);
  }
}
