import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildPackages, ROOT } from '../support/packages/build.ts';
import { Debian } from '../support/packages/debian.ts';
import { tool } from '../support/program/process.ts';

// The packages in a minimal Debian. The tests follow the life of an installation, in this order.

const MIB = 2 ** 20;
const VERSIONS = '/usr/lib/backy2/versions';
/** A configuration like the example: folders must be made first. */
const CONFIG = `[DEFAULTS]
logfile: /var/log/backy2.log
lock_dir: /run/backy2
block_size: 65536
encryption_version: 0
[MetaBackend]
engine: sqlite:////var/lib/backy2/backy.sqlite
[DataBackend]
type: file
path: /var/lib/backy2/data
bandwidth_write: 1048576
`;

let debian: Debian;
let packages: { deb: string; archive: string };
let lintian: Promise<string>;
beforeAll(async () => {
  const building = buildPackages();
  // If the build fails, the other one must be there to be removed.
  building.catch(() => {});
  debian = await Debian.create('bookworm', ['man-db', 'systemd']);
  packages = await building;
  // Takes half a minute; its result is looked at in the end.
  lintian = tool('lintian', '--allow-root', '--fail-on', 'error', packages.deb);
  lintian.catch(() => {});
  cpSync(packages.deb, debian.path('/var/tmp/backy2.deb'));
  debian.write('/root/image', randomBytes(8 * MIB));
});
afterAll(() => debian?.remove());

const backy2 = (...words: string[]) => debian.ok('backy2', ...words);
const uidOf = async (name: string) => (await backy2('-ms', 'ls', name)).trim().split('\n').at(-1)?.split('|')[5] ?? '';

async function restoreEquals(name: string, image: string): Promise<boolean> {
  await backy2('restore', '-f', await uidOf(name), 'file:///root/restored');
  return readFileSync(debian.path('/root/restored')).equals(readFileSync(debian.path(image)));
}

test('the package is installed without Node.js, compiler and network', async () => {
  expect((await debian.run(['sh', '-c', 'command -v node npm cc make python3'])).stdout).toBe('');
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', '/var/tmp/backy2.deb'];
  expect(await debian.run(install, { env: { http_proxy: 'http://127.0.0.1:9/' } })).toMatchObject({ code: 0 });
  expect(await backy2('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await debian.ok('dpkg', '--verify', 'backy2')).toBe('');
  const id = debian.read('/usr/lib/backy2/package/build-id').trim();
  expect(readdirSync(debian.path(VERSIONS))).toEqual([id]);
  expect(debian.has('/etc/backy.cfg')).toBe(false);
});

test('its files are of root, writable by nobody else, and tell nothing of the build', async () => {
  const content = (await tool('dpkg-deb', '-c', packages.deb)).trim().split('\n');
  const modes = content.map((line) => line.split(/ +/).slice(0, 2).join(' '));
  const usual = ['-rw-r--r--', '-rwxr-xr-x', 'drwxr-xr-x', 'lrwxrwxrwx'].map((mode) => `${mode} root/root`);
  expect(modes.filter((mode) => !usual.includes(mode))).toEqual([]);
  const named = await debian.run(['grep', '-rlaF', '--', ROOT, '/usr/lib/backy2', '/usr/share/backy2', '/usr/share/doc/backy2']);
  expect(named).toMatchObject({ code: 1, stdout: '' });
});

test('first backup, scrub and restore work on the embedded default', async () => {
  const { code, stderr } = await debian.run(['backy2', 'backup', 'file:///root/image', 'web']);
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/WARN|slow/) });
  await backy2('scrub', await uidOf('web'));
  expect(await restoreEquals('web', '/root/image')).toBe(true);
});

test('a processor without AVX does the same', async () => {
  await tool('cp', '/usr/bin/qemu-x86_64-static', debian.path('/usr/local/bin/qemu'));
  const home = `${VERSIONS}/${readdirSync(debian.path(VERSIONS))[0]}`;
  const program = ['qemu', '-cpu', 'Nehalem', `${home}/runtime/node`, `${home}/dist/backy2.cjs`];
  const { code, stderr } = await debian.run([...program, 'backup', 'file:///root/image', 'old'], {
    env: { BACKY2_SIGHUP: 'heard' },
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await restoreEquals('old', '/root/image')).toBe(true);
});

test('the units are right, and the timer can be enabled', async () => {
  const units = readdirSync(debian.path('/usr/lib/systemd/system')).filter((name) => name.startsWith('backy2-'));
  expect(units).toEqual(expect.arrayContaining(['backy2-run.service', 'backy2-run.timer']));
  const paths = units.filter((name) => !name.includes('@')).map((name) => `/usr/lib/systemd/system/${name}`);
  await debian.ok('systemd-analyze', 'verify', '--man=no', ...paths);
  await debian.ok('systemctl', 'enable', 'backy2-run.timer');
  expect(debian.has('/etc/systemd/system/timers.target.wants')).toBe(true);
});

test('the manual page and the completion are found', async () => {
  expect(await debian.ok('man', '-P', 'cat', 'backy2')).toContain('backy2 - ');
  const typed = 'COMP_LINE="backy2 rest" COMP_POINT=11 COMP_CWORD=1 COMP_WORDS=(backy2 rest)';
  const script = `. /usr/share/bash-completion/completions/backy2; ${typed}; _backy2; echo "\${COMPREPLY[@]}"`;
  expect((await debian.ok('bash', '-c', script)).trim()).toBe('restore');
});

/** Builds a package of a newer version in which no part fits the program that runs. */
async function newerPackage(): Promise<string> {
  const tree = debian.path('/var/tmp/newer');
  await tool('dpkg-deb', '-R', packages.deb, tree);
  const change = (name: string, edit: (text: string) => string) => {
    const path = `${tree}/${name}`;
    const changed = edit(readFileSync(path, 'utf8'));
    chmodSync(path, 0o644);
    writeFileSync(path, changed);
  };
  change('DEBIAN/control', (text) => text.replace(/^Version: .*/m, 'Version: 99.0-1'));
  change('usr/lib/backy2/package/build-id', () => '99.0-1.newer\n');
  for (const name of readdirSync(`${tree}/usr/lib/backy2/package/dist`)) {
    if (/^(program|blocks|block-worker|knex)\.cjs$/.test(name))
      change(
        `usr/lib/backy2/package/dist/${name}`,
        () => '(function(exports){exports.main=()=>process.stdout.write("newer\\n")})',
      );
    else if (name.endsWith('.cjs')) continue;
    else writeFileSync(`${tree}/usr/lib/backy2/package/dist/${name}`, '');
  }
  await tool('dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', tree, debian.path('/var/tmp/newer.deb'));
  return '/var/tmp/newer.deb';
}

test('commands that run go on during an upgrade, with all parts of their version', async () => {
  const newer = await newerPackage();
  debian.write('/etc/backy.cfg', CONFIG);
  await debian.ok('mkdir', '-p', '/run/backy2');
  const blobs = () => readdirSync(debian.path('/var/lib/backy2/data'), { recursive: true }).length;
  const before = blobs();
  const job = debian.start(['backy2', 'backup', 'file:///root/image', 'slow']);
  await vi.waitFor(() => expect(blobs()).toBeGreaterThan(before), { timeout: 60_000 });
  job.kill('SIGSTOP');
  // Has loaded nothing but Node.js.
  const early = debian.start(['backy2', '-ms', 'ls', 'web']);
  await vi.waitFor(() => expect(debian.programOf(early.pid)).toMatch(/runtime\/node$/), { timeout: 60_000, interval: 1 });
  early.kill('SIGSTOP');
  expect(early.stdout).toBe('');

  await debian.ok('dpkg', '-i', newer);
  expect(job.hasEnded).toBe(false);
  expect(await backy2('ls')).toBe('newer\n');
  expect(readdirSync(debian.path(VERSIONS))).toHaveLength(2);
  for (const stopped of [early, job]) stopped.kill('SIGCONT');
  expect(await early.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('|web|') });
  // Its threads run with flags of V8 that this Node.js knows.
  expect(await job.ended).toMatchObject({ code: 0, stderr: '' });

  // The way back is the same.
  await debian.ok('dpkg', '-i', '--force-downgrade', '/var/tmp/backy2.deb');
  expect(readdirSync(debian.path(VERSIONS))).toEqual([debian.read('/usr/lib/backy2/package/build-id').trim()]);
  expect(await restoreEquals('slow', '/root/image')).toBe(true);
  expect(debian.read('/etc/backy.cfg')).toBe(CONFIG);
});

test('an installation of the same package mends what was lost', async () => {
  const [id = ''] = readdirSync(debian.path(VERSIONS));
  await debian.ok('rm', '-r', `${VERSIONS}/${id}/dist`, `${VERSIONS}/${id}/runtime/node`);
  await debian.ok('dpkg', '-i', '/var/tmp/backy2.deb');
  expect(await backy2('--version')).toMatch(/^\d/);
  expect(await restoreEquals('web', '/root/image')).toBe(true);
});

test('a purge leaves configuration, database and blobs, and nothing of the package', async () => {
  await debian.ok('apt-get', 'purge', '-y', 'backy2');
  expect(debian.read('/etc/backy.cfg')).toBe(CONFIG);
  expect(debian.has('/var/lib/backy2/backy.sqlite')).toBe(true);
  expect(readdirSync(debian.path('/var/lib/backy2/data')).length).toBeGreaterThan(0);
  const left = ['/usr/bin/backy2', '/usr/lib/backy2', '/usr/share/backy2', '/etc/logrotate.d/backy2'];
  expect(left.filter((path) => debian.has(path))).toEqual([]);
  const links = await debian.ok('find', '/etc/systemd', '-name', 'backy2*');
  expect(links).toBe('');
});

test('the archive runs from the folder where it is unpacked', async () => {
  await tool('tar', '-C', debian.path('/opt'), '-xf', packages.archive);
  const [name = ''] = readdirSync(debian.path('/opt'));
  await debian.ok('ln', '-s', `/opt/${name}/bin/backy2`, '/usr/local/bin/backy2');
  expect(await restoreEquals('web', '/root/image')).toBe(true);
  await debian.ok('mv', `/opt/${name}`, '/srv/backy2');
  expect((await debian.run(['/srv/backy2/bin/backy2', 'ls', 'web'])).code).toBe(0);
});

test('lintian finds no error', async () => {
  expect(await lintian).not.toMatch(/^E:/m);
});
