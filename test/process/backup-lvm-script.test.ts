import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { SCRIPTS, ScriptLab } from '../support/labs/script-lab.ts';

const FAKE = fileURLToPath(new URL('../support/labs/fake-lvm.sh', import.meta.url));

let lab: ScriptLab;
beforeEach(() => {
  lab = new ScriptLab();
  onTestFinished(() => lab.remove());
  for (const group of ['vg0', 'thin']) mkdirSync(lab.path(group));
  for (const name of ['lvs', 'lvcreate', 'lvremove']) symlinkSync(FAKE, lab.path(`bin/${name}`));
  for (const volume of ['vg0/web', 'thin/db']) lab.write(volume, 'old bytes');
  // The volume changes during the backup, which reads its source last.
  lab.backy2('echo new >"$LAB/vg0/web"; cat "$LAB/vg0/web-backy2" >"$LAB/read"');
});

const volumes = () => readdirSync(lab.path('vg0')).sort();

test('the backup reads a snapshot, which is removed even if udev holds it for a moment', async () => {
  lab.write('busy', '');
  const { code, stderr } = await lab.run('backup-lvm.sh', '-t', 'daily', '-e', '2027-01-31 00:00:00', 'vg0/web', '-web');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(lab.calls()).toEqual([
    'lvcreate -q -s -p r --extents 20%ORIGIN -n web-backy2 vg0/web',
    'backy2 backup -t daily -e 2027-01-31 00:00:00 -- file:///vg0/web-backy2 -web',
    'lvremove -q -f vg0/web-backy2',
    'lvremove -q -f vg0/web-backy2',
  ]);
  expect(readFileSync(lab.path('read'), 'utf8')).toBe('old bytes');
  expect(volumes()).toEqual(['web']);
});

test('a snapshot of an earlier run is removed first, and one of a failed backup too', async () => {
  lab.backy2('exit 6');
  lab.write('thin/db-backy2', '');
  lab.write('thin/db-backy2.origin', 'db');
  expect((await lab.run('backup-lvm.sh', 'thin/db', 'db')).code).toBe(6);
  expect(lab.calls()).toEqual([
    'lvremove -q -f thin/db-backy2',
    'lvcreate -q -s -p r --setactivationskip n -n db-backy2 thin/db',
    'backy2 backup -- file:///thin/db-backy2 db',
    'lvremove -q -f thin/db-backy2',
  ]);
});

test.each([
  ['', 0, ['before', 'lvcreate', 'after', 'backup', 'lvremove']],
  ['before', 1, ['before', 'after']],
  ['after', 1, ['before', 'lvcreate', 'after', 'lvremove']],
])('a hook freezes and thaws around the snapshot; if "%s" fails, the exit code is %i', async (failing, code, steps) => {
  lab.program('freeze', `[ "$1" != "${failing}" ]`);
  lab.env.SNAPSHOT_HOOK = 'freeze';
  const result = await lab.run('backup-lvm.sh', 'vg0/web', 'web');
  expect(result.code).toBe(code);
  expect(result.stderr).toContain(code === 0 ? '' : `freeze ${failing} failed: vg0/web was not backed up`);
  expect(lab.calls().map((call) => call.match(/before|after|lv\w+|backup/)?.[0])).toEqual(steps);
  expect(lab.calls()[0]).toBe('freeze before vg0/web web');
  expect(volumes()).toEqual(['web']);
});

test.each([
  ['a volume that is not there', ['vg0/nope', 'web'], 5, 'Failed to find logical volume "vg0/nope"'],
  ['a path', ['/dev/vg0/web', 'web'], 2, 'usage: '],
  ['a missing name', ['vg0/web'], 2, 'usage: '],
])('%s ends it before anything is done', async (_, args, code, message) => {
  const result = await lab.run('backup-lvm.sh', ...args);
  expect(result.stderr).toContain(message);
  expect(result.code).toBe(code);
  expect(lab.calls()).toEqual([]);
});

test('a SIGTERM waits for the backup, and the snapshot is removed', async () => {
  lab.backy2('kill -TERM $PPID; sleep 0.1; exit 143');
  expect((await lab.run('backup-lvm.sh', 'vg0/web', 'web')).code).toBe(143);
  expect(volumes()).toEqual(['web']);
});

test('a second run on a volume is refused', async () => {
  lab.backy2(`[ -e "$LAB/second" ] || ${SCRIPTS}/backup-lvm.sh vg0/web web 2>"$LAB/second"; exit $?`);
  expect((await lab.run('backup-lvm.sh', 'vg0/web', 'web')).code).toBe(1);
  expect(readFileSync(lab.path('second'), 'utf8')).toBe('backup-lvm.sh: another run backs up vg0/web\n');
});

test('backup-due.sh makes a snapshot of LVM volumes, and lets backy2 make those of RBD images', async () => {
  lab.backy2('[ "$2" != due ] || echo "1970|daily|2027-01-31|$8"');
  lab.write('images', 'lvm://vg0/web web\nrbd://vms/a a\nrbd://vms/b@mon b\nfile:///c c\n');
  expect(await lab.run('backup-due.sh', 'daily', lab.path('images'))).toMatchObject({ code: 0, stderr: '' });
  expect(lab.calls().filter((call) => !call.includes(' due '))).toEqual([
    'backy2 backup --auto -t daily -e 2027-01-31 -- rbd://vms/a a',
    'backy2 backup -t daily -e 2027-01-31 -- rbd://vms/b@mon b',
    'backy2 backup -t daily -e 2027-01-31 -- file:///c c',
    'lvcreate -q -s -p r --extents 20%ORIGIN -n web-backy2 vg0/web',
    'backy2 backup -t daily -e 2027-01-31 -- file:///vg0/web-backy2 web',
    'lvremove -q -f vg0/web-backy2',
  ]);
});
