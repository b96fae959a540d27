import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { PATH_WITH_SBIN, type Result, Running } from '../support/program/process.ts';

const SCRIPTS = fileURLToPath(new URL('../../docs/scripts', import.meta.url));
const FAKE = fileURLToPath(new URL('../support/labs/fake-lvm.sh', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-lvm-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const made of ['bin', 'vg0', 'thin']) mkdirSync(join(folder, made));
  for (const name of ['lvs', 'lvcreate', 'lvremove']) symlinkSync(FAKE, join(folder, 'bin', name));
  for (const volume of ['vg0/web', 'thin/db']) write(volume, 'old bytes');
  // The volume changes during the backup, which reads its source last.
  backy2('echo new >"$VOLUMES/vg0/web"; cat "$VOLUMES/vg0/web-backy2" >"$VOLUMES/read"');
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

/** Makes a program of the name that notes its calls, then does what `script` says. */
function backy2(script: string): void {
  write('bin/backy2', `#!/bin/bash\necho "backy2 $*" >>"$VOLUMES/calls"\n${script}\n`);
  chmodSync(join(folder, 'bin/backy2'), 0o755);
}

function run(script: string, ...args: string[]): Promise<Result> {
  const env = { PATH: `${folder}/bin:${PATH_WITH_SBIN}`, VOLUMES: folder, LOCK_DIR: folder };
  return new Running([join(SCRIPTS, script), ...args], { env, cwd: folder }).ended;
}

const calls = () => readFileSync(join(folder, 'calls'), 'utf8').replaceAll(folder, '').trimEnd().split('\n');
const volumes = () => readdirSync(join(folder, 'vg0')).sort();

test('the backup reads a snapshot, which is removed even if udev holds it for a moment', async () => {
  write('busy', '');
  const { code, stderr } = await run('backup-lvm.sh', '-t', 'daily', '-e', '2027-01-31 00:00:00', 'vg0/web', '-web');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(calls()).toEqual([
    'lvcreate -q -s -p r --extents 20%ORIGIN -n web-backy2 vg0/web',
    'backy2 backup -t daily -e 2027-01-31 00:00:00 -- file:///vg0/web-backy2 -web',
    'lvremove -q -f vg0/web-backy2',
    'lvremove -q -f vg0/web-backy2',
  ]);
  expect(readFileSync(join(folder, 'read'), 'utf8')).toBe('old bytes');
  expect(volumes()).toEqual(['web']);
});

test('a snapshot of an earlier run is removed first, and one of a failed backup too', async () => {
  backy2('exit 6');
  write('thin/db-backy2', '');
  write('thin/db-backy2.origin', 'db');
  expect((await run('backup-lvm.sh', 'thin/db', 'db')).code).toBe(6);
  expect(calls()).toEqual([
    'lvremove -q -f thin/db-backy2',
    'lvcreate -q -s -p r --setactivationskip n -n db-backy2 thin/db',
    'backy2 backup -- file:///thin/db-backy2 db',
    'lvremove -q -f thin/db-backy2',
  ]);
});

test.each([
  ['a volume that is not there', ['vg0/nope', 'web'], 5, 'Failed to find logical volume "vg0/nope"'],
  ['a path', ['/dev/vg0/web', 'web'], 2, 'usage: '],
  ['a missing name', ['vg0/web'], 2, 'usage: '],
])('%s ends it before anything is done', async (_, args, code, message) => {
  const result = await run('backup-lvm.sh', ...args);
  expect(result.stderr).toContain(message);
  expect(result.code).toBe(code);
  expect(existsSync(join(folder, 'calls'))).toBe(false);
});

test('a SIGTERM waits for the backup, and the snapshot is removed', async () => {
  backy2('kill -TERM $PPID; sleep 0.1; exit 143');
  expect((await run('backup-lvm.sh', 'vg0/web', 'web')).code).toBe(143);
  expect(volumes()).toEqual(['web']);
});

test('a second run on a volume is refused', async () => {
  backy2(`[ -e "$VOLUMES/second" ] || ${SCRIPTS}/backup-lvm.sh vg0/web web 2>"$VOLUMES/second"; exit $?`);
  expect((await run('backup-lvm.sh', 'vg0/web', 'web')).code).toBe(1);
  expect(readFileSync(join(folder, 'second'), 'utf8')).toBe('backup-lvm.sh: another run backs up vg0/web\n');
});

test('backup-due.sh makes a snapshot of LVM volumes, and lets backy2 make those of RBD images', async () => {
  backy2('[ "$2" != due ] || echo "1970|daily|2027-01-31|$8"');
  write('images', 'lvm://vg0/web web\nrbd://vms/a a\nrbd://vms/b@mon b\nfile:///c c\n');
  expect(await run('backup-due.sh', 'daily', join(folder, 'images'))).toMatchObject({ code: 0, stderr: '' });
  expect(calls().filter((call) => !call.includes(' due '))).toEqual([
    'backy2 backup --auto -t daily -e 2027-01-31 -- rbd://vms/a a',
    'backy2 backup -t daily -e 2027-01-31 -- rbd://vms/b@mon b',
    'backy2 backup -t daily -e 2027-01-31 -- file:///c c',
    'lvcreate -q -s -p r --extents 20%ORIGIN -n web-backy2 vg0/web',
    'backy2 backup -t daily -e 2027-01-31 -- file:///vg0/web-backy2 web',
    'lvremove -q -f vg0/web-backy2',
  ]);
});
