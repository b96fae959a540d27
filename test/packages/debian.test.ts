import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { drill, introOf, type Shell, sectionOf, shellLines } from '../support/docs/drill.ts';
import { makeFolders } from '../support/docs/installed.ts';
import { STAND_INS } from '../support/docs/page-machine.ts';
import { buildLines, buildPackages, COMPILER, ROOT } from '../support/packages/build.ts';
import { Debian } from '../support/packages/debian.ts';
import { PATH_WITH_SBIN, type Result, Running, tool } from '../support/program/process.ts';

// The packages in a minimal Debian. The tests follow the life of an installation, in this order,
// and run the commands of docs/install.md.

const PAGE = readFileSync('docs/install.md', 'utf8');
/** The command lines of a section, without those of the sections below it. */
const linesOf = (title: string) => shellLines(introOf(sectionOf(PAGE, title)));
const [INSTALL = '', ...CONFIGURE] = linesOf('Debian package');
const MIB = 2 ** 20;
const VERSIONS = '/usr/lib/backy2/versions';
/** Where the packages are. */
const FOLDER = '/var/tmp/packages';
/** Nobody answers its questions, and there is no network. */
const APT = 'APT::Get::Assume-Yes "true"; APT::Install-Recommends "false"; Acquire::http::Proxy "http://127.0.0.1:9/";\n';
const LINTIAN_LIMIT_MS = 600_000;
const SIMULATED = '/root/apt-simulates';

let debian: Debian;
let packages: { deb: string; archive: string };
let lintian: Promise<Result>;
beforeAll(async () => {
  const building = buildPackages(buildLines(introOf(PAGE)));
  // If the build fails, the other one must be there to be removed.
  building.catch(() => {});
  debian = await Debian.create('bookworm', ['man-db', 'systemd']);
  packages = await building;
  // Takes half a minute, or some beside other tests; its result is looked at in the end.
  const command = ['lintian', '--allow-root', '--fail-on', 'error', packages.deb];
  lintian = new Running(command, { env: { PATH: PATH_WITH_SBIN }, timeoutMs: LINTIAN_LIMIT_MS }).ended;
  lintian.catch(() => {});
  mkdirSync(debian.path(FOLDER));
  for (const path of Object.values(packages)) cpSync(path, debian.path(`${FOLDER}/${basename(path)}`));
  cpSync(`${STAND_INS}systemctl`, debian.path('/usr/local/sbin/systemctl'));
  debian.write('/etc/apt/apt.conf.d/tests', APT);
  debian.write(SIMULATED, 'APT::Get::Simulate "true";\n');
  for (const name of ['image', 'other']) debian.write(`/root/${name}`, randomBytes(8 * MIB));
});
afterAll(() => debian?.remove());

const inFolder: Shell = (line) => debian.run(`cd ${FOLDER} && ${line}`);
const atHome: Shell = (line) => debian.run(line);
const backy2 = (words: string) => debian.ok(`backy2 ${words}`);
const uidOf = async (name: string) => (await backy2(`-ms ls ${name}`)).trim().split('\n').at(-1)?.split('|')[5] ?? '';

async function restoreEquals(name: string, image: string): Promise<boolean> {
  await backy2(`restore -f ${await uidOf(name)} file:///root/restored`);
  return readFileSync(debian.path('/root/restored')).equals(readFileSync(debian.path(image)));
}

test('the package is installed without Node.js, compiler and network', async () => {
  expect((await debian.run('command -v node npm cc make python3')).stdout).toBe('');
  await drill([INSTALL], inFolder);
  expect(await backy2('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await debian.ok('dpkg --verify backy2')).toBe('');
  const id = debian.read('/usr/lib/backy2/package/build-id').trim();
  expect(readdirSync(debian.path(VERSIONS))).toEqual([id]);
  expect(debian.has('/etc/backy.cfg')).toBe(false);
});

test('its files are of root, writable by nobody else, and tell nothing of the build', async () => {
  const content = (await tool('dpkg-deb', '-c', packages.deb)).trim().split('\n');
  const modes = content.map((line) => line.split(/ +/).slice(0, 2).join(' '));
  const usual = ['-rw-r--r--', '-rwxr-xr-x', 'drwxr-xr-x', 'lrwxrwxrwx'].map((mode) => `${mode} root/root`);
  expect(modes.filter((mode) => !usual.includes(mode))).toEqual([]);
  const named = await debian.run(`grep -rlaF -- ${ROOT} /usr/lib/backy2 /usr/share/backy2 /usr/share/doc/backy2`);
  expect(named).toMatchObject({ code: 1, stdout: '' });
});

test('first backup, scrub and restore work on the embedded default', async () => {
  const { code, stderr } = await debian.run('backy2 backup file:///root/image web');
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/WARN|slow/) });
  await backy2(`scrub ${await uidOf('web')}`);
  expect(await restoreEquals('web', '/root/image')).toBe(true);
});

test('a processor without AVX does the same', async () => {
  await tool('cp', '/usr/bin/qemu-x86_64-static', debian.path('/usr/local/bin/qemu'));
  const home = `${VERSIONS}/${readdirSync(debian.path(VERSIONS))[0]}`;
  const program = `qemu -cpu Nehalem ${home}/runtime/node ${home}/dist/backy2.cjs`;
  const { code, stderr } = await debian.run(`${program} backup file:///root/image old`, { env: { BACKY2_SIGHUP: 'heard' } });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await restoreEquals('old', '/root/image')).toBe(true);
});

test('the units are right', async () => {
  const units = readdirSync(debian.path('/usr/lib/systemd/system')).filter((name) => name.startsWith('backy2-'));
  expect(units).toEqual(expect.arrayContaining(['backy2-run.service', 'backy2-run.timer']));
  const paths = units.filter((name) => !name.includes('@')).map((name) => `/usr/lib/systemd/system/${name}`);
  await debian.ok(`systemd-analyze verify --man=no ${paths.join(' ')}`);
});

test('the manual page and the completion are found', async () => {
  expect(await debian.ok('man -P cat backy2')).toContain('backy2 - ');
  const typed = 'COMP_LINE="backy2 rest" COMP_POINT=11 COMP_CWORD=1 COMP_WORDS=(backy2 rest)';
  const script = `. /usr/share/bash-completion/completions/backy2; ${typed}; _backy2; echo "\${COMPREPLY[@]}"`;
  expect((await debian.ok(script)).trim()).toBe('restore');
});

test('the example becomes the configuration, and the timer can be enabled', async () => {
  expect(debian.has('/etc/backy.cfg')).toBe(false);
  // The tests above filled it without a configuration.
  await debian.ok('rm -r /var/lib/backy2');
  const [copy = '', mode = '', initdb = '', ...enable] = CONFIGURE;
  await drill([copy, mode], atHome);
  expect((await debian.ok('stat -c %a /etc/backy.cfg /run/backy2')).trim()).toBe('600\n700');
  await debian.ok("sed -i 's/^block_size: .*/block_size: 65536/' /etc/backy.cfg");
  await makeFolders(debian);
  await drill([initdb], atHome);
  await backy2('backup file:///root/image web');
  expect(await restoreEquals('web', '/root/image')).toBe(true);

  const enabled = () => debian.ok('find /etc/systemd -name "backy2*"');
  expect(await enabled()).toBe('');
  await drill(enable, atHome);
  expect(await enabled()).toBe('/etc/systemd/system/timers.target.wants/backy2-run.timer\n');
});

/** Builds a package of a newer version in which no part fits the program that runs. */
async function makeNewerPackage(): Promise<void> {
  const tree = debian.path('/var/tmp/tree');
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
  await tool('dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', tree, debian.path(FOLDER));
}

test('commands that run go on during an upgrade, with all parts of their version', async () => {
  await makeNewerPackage();
  const [upgrade = '', ...back] = linesOf('Upgrade');
  await debian.ok("sed -i 's/^bandwidth_write: .*/bandwidth_write: 1048576/' /etc/backy.cfg");
  const config = debian.read('/etc/backy.cfg');
  const blobs = () => readdirSync(debian.path('/var/lib/backy2/data'), { recursive: true }).length;
  const before = blobs();
  const job = debian.start(['backy2', 'backup', 'file:///root/other', 'slow']);
  await vi.waitFor(() => expect(blobs()).toBeGreaterThan(before), { timeout: 60_000 });
  job.kill('SIGSTOP');
  // Has loaded nothing but Node.js.
  const early = debian.start(['backy2', '-ms', 'ls', 'web']);
  await vi.waitFor(() => expect(debian.programOf(early.pid)).toMatch(/runtime\/node$/), { timeout: 60_000, interval: 1 });
  early.kill('SIGSTOP');
  expect(early.stdout).toBe('');

  await drill([upgrade], inFolder);
  expect(job.hasEnded).toBe(false);
  expect(await backy2('ls')).toBe('newer\n');
  expect(readdirSync(debian.path(VERSIONS))).toHaveLength(2);
  for (const stopped of [early, job]) stopped.kill('SIGCONT');
  expect(await early.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('|web|') });
  // Its threads run with flags of V8 that this Node.js knows.
  expect(await job.ended).toMatchObject({ code: 0, stderr: '' });

  // The way back is the same, without the newer package beside the older one.
  await debian.ok(`rm ${FOLDER}/backy2_99.0-1_*.deb`);
  await drill(back, inFolder);
  expect(readdirSync(debian.path(VERSIONS))).toEqual([debian.read('/usr/lib/backy2/package/build-id').trim()]);
  expect(await restoreEquals('slow', '/root/other')).toBe(true);
  expect(debian.read('/etc/backy.cfg')).toBe(config);
});

test('an installation of the same package mends what was lost', async () => {
  const [id = ''] = readdirSync(debian.path(VERSIONS));
  await debian.ok(`rm -r ${VERSIONS}/${id}/dist ${VERSIONS}/${id}/runtime/node`);
  await debian.ok(`dpkg -i ${FOLDER}/*.deb`);
  expect(await backy2('--version')).toMatch(/^\d/);
  expect(await restoreEquals('web', '/root/image')).toBe(true);
});

test('a purge leaves configuration, database, blobs and log, and nothing of the package', async () => {
  const config = debian.read('/etc/backy.cfg');
  await drill(linesOf('Remove'), atHome);
  expect(debian.read('/etc/backy.cfg')).toBe(config);
  expect(['/var/lib/backy2/backy.sqlite', '/var/log/backy2.log'].filter((path) => !debian.has(path))).toEqual([]);
  expect(readdirSync(debian.path('/var/lib/backy2/data')).length).toBeGreaterThan(0);
  const left = ['/usr/bin/backy2', '/usr/lib/backy2', '/usr/share/backy2', '/etc/logrotate.d/backy2'];
  expect(left.filter((path) => debian.has(path))).toEqual([]);
  const links = await debian.ok('find /etc/systemd -name "backy2*"');
  expect(links).toBe('');
});

test('the archive runs from the folder where it is unpacked, beside an older one, and from others', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const lines = linesOf('Archive').map((line) => line.replaceAll('VERSION', version));
  await debian.ok('mkdir -p /opt/older/bin && touch /opt/older/bin/backy2 && ln -s older /opt/backy2');
  await debian.ok('ln -s /opt/backy2/bin/backy2 /usr/local/bin/backy2');
  await drill(lines, inFolder);
  await debian.ok('rm -r /opt/older');
  expect(await restoreEquals('web', '/root/image')).toBe(true);
  await debian.ok('mv /opt/backy2-* /srv/backy2');
  expect((await debian.run('/srv/backy2/bin/backy2 ls web')).code).toBe(0);
});

test('Debian has the packages that are installed for a build', async () => {
  const lines = shellLines(PAGE).filter((line) => line.startsWith(COMPILER));
  const outputs = await drill(lines, (line) => debian.run(line, { env: { APT_CONFIG: SIMULATED } }));
  for (const line of lines) expect(outputs[line]).toContain('Inst g++ ');
});

test('lintian finds no error', async () => {
  const { code, stdout, stderr } = await lintian;
  expect(code, `${stdout}${stderr}`).toBe(0);
  expect(stdout).not.toMatch(/^E:/m);
});
