import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks, configBlock, type DrillOptions, drill, sectionOf, shellLines } from '../support/docs/drill.ts';
import { install, makeFolders } from '../support/docs/installed.ts';
import { needMachines, type PageMachine, PageMachines } from '../support/docs/page-machine.ts';
import { lacking, needLoopDevice, needTool } from '../support/runner/machine.ts';

const PAGE = readFileSync('docs/first-week.md', 'utf8');
const NAME = 'backups.example.com';
const lack = lacking(await needMachines(), await needTool('systemctl', '--version'));
const noDisks = lacking(
  await needLoopDevice(),
  await needTool('sgdisk', '--version'),
  await needTool('growpart', '--help'),
  await needTool('pvs', '--version'),
);

/** A day of the page, by the start of its heading. */
function linesOf(day: number): string[] {
  const title = new RegExp(`^## (Day ${day}: .*)$`, 'm').exec(PAGE)?.[1] ?? '';
  return shellLines(sectionOf(PAGE, title));
}

describe.skipIf(lack.skip)(`the commands of docs/first-week.md${lack.note}`, () => {
  let machines: PageMachines;
  let machine: PageMachine;
  beforeAll(async () => {
    machines = await PageMachines.start(NAME);
    machine = machines.named(NAME);
    await install(machine);
    await machine.ok('truncate -s 20M /srv/office.img && mkfs.ext4 -q /srv/office.img');
    await machine.ok('mkdir -p /dev/vg0 /mnt/other-disk && truncate -s 8M /dev/vg0/mail && mkfs.ext4 -q /dev/vg0/mail');
  });
  afterAll(() => machines?.stop());

  const run = (line: string) => machine.run(line);
  const newest = async (name: string) => {
    const versions = (await machine.ok(`backy2 -ms ls -f date,uid ${name}`)).trim().split('\n').sort();
    return versions.at(-1)?.split('|')[1] ?? '';
  };
  const live = (day: number, options: DrillOptions = {}) => drill(linesOf(day), run, options);

  test('day 1', async () => {
    const [copy = '', mode = '', ...rest] = linesOf(1);
    await drill([copy, mode], run);
    await makeFolders(machine);
    const outputs = await drill(rest, run, { uid: () => newest('try') });
    expect(Object.values(outputs)).toContain('equal\n');
  });

  test('day 2', async () => {
    // Those of Ceph need a cluster: test/services.
    const jobs = configBlock(PAGE, '[job:web]')
      .split(/^(?=\[)/m)
      .filter((section) => !section.includes('rbd://'));
    expect(jobs.length).toBe(2);
    machine.write('/etc/backy/conf.d/jobs.cfg', jobs.join(''));
    const outputs = await drill(linesOf(2), run);
    expect(outputs['backy2 run --dry-run']).toMatch(/mail.*office/s);
    expect(Object.values(outputs).at(-1)).toContain('office');
  });

  test('day 2: the hook that freezes a guest', async () => {
    machine.write('/usr/local/bin/freeze', codeBlocks(PAGE).find((block) => block.includes('domfsfreeze')) ?? '');
    await machine.ok('chmod 755 /usr/local/bin/freeze && BACKY2_NAME=mail freeze vg0');
    expect(machine.read('/var/log/virsh')).toBe('virsh -q domfsfreeze mail\nvirsh -q domfsthaw mail\n');
    await machine.ok('lvremove -q -f vg0/mail-backy2');
  });

  test('day 3', async () => {
    machine.write('/etc/backy/conf.d/schedule.cfg', configBlock(PAGE, '[DEFAULTS]'));
    const outputs = await live(3);
    expect(outputs["systemctl list-timers 'backy2*'"]).toContain('backy2-run.timer');
    expect(await machine.ok('backy2 -ms ls -f tags,name,valid')).toContain('weekly|mail|1');
    expect(machine.has('/dev/vg0/mail-backy2')).toBe(false);
  });

  test('day 4', async () => {
    machine.write('/usr/local/bin/tell-admin', codeBlocks(PAGE).find((block) => block.includes('exec mail')) ?? '');
    await machine.ok('chmod 755 /usr/local/bin/tell-admin');
    await machine.ok('echo "on_problem: tell-admin" >>/etc/backy/conf.d/schedule.cfg');
    await live(4, { codes: { 'systemctl start': 1 } });
    expect(machine.read('/var/mail/sent')).toContain('alarm');
  });

  test('day 5', async () => {
    const outputs = await live(5);
    expect(outputs["sqlite3 /mnt/other-disk/backy-db 'select count(*) from versions'"]).toMatch(/^[1-9]/);
    expect(machine.read('/mnt/other-disk/recovery-sheet.txt')).toContain('/var/lib/backy2/data');
  });

  test('day 6', async () => {
    await live(6, { uid: () => newest('office') });
    for (const copy of ['drill', 'elsewhere']) await machine.ok(`cmp /srv/office.img /var/tmp/${copy}.img`);
  });

  describe.skipIf(noDisks.skip)(`day 7${noDisks.note}`, () => {
    /** The line that grows it; how to make it, and to see its size in MiB. */
    const CONTENTS = {
      ext4: {
        mib: 24,
        grow: 'e2fsck',
        make: 'mkfs.ext4 -q',
        size: 'mount /dev/sdb2 /mnt && df -m --output=size /mnt | tail -n 1',
      },
      xfs: { mib: 320, grow: 'mount', make: 'mkfs.xfs -q', size: 'df -m --output=size /mnt | tail -n 1' },
      lvm: { mib: 24, grow: 'pvresize', make: 'pvcreate -q', size: 'pvs --noheadings --nosuffix --units m -o pv_size /dev/sdb2' },
    };
    const attached: string[] = [];

    /** Attaches a disk whose content is in a file. `link`: its name in /dev. */
    async function attach(file: string, link: string): Promise<string> {
      const device = (await machine.ok(`losetup -f --show ${file}`)).trim();
      attached.push(device);
      await machine.ok(`partprobe ${device} && partition-links ${device} ${link}`);
      return device;
    }

    test.each(['ext4', 'xfs', 'lvm'] as const)('with %s on the last partition', async (kind) => {
      const { mib, make, size } = CONTENTS[kind];
      await machine.ok(`rm -f /srv/disk.img /srv/new.img && truncate -s ${mib}M /srv/disk.img`);
      await machine.ok(`sgdisk -n 1:0:+4M -n 2:0:0 /srv/disk.img && truncate -s ${2 * mib}M /srv/new.img`);
      try {
        const source = await attach('/srv/disk.img', '/dev/sda');
        await machine.ok(`${make} /dev/sda2 && backy2 backup file:///dev/sda disk && losetup -d ${source}`);
        const target = await attach('/srv/new.img', '/dev/sdb');
        const settled = async (line: string) => {
          const result = await machine.run(line);
          await machine.ok(`partition-links ${target} /dev/sdb`);
          return result;
        };
        const others = Object.values(CONTENTS).filter(({ grow }) => grow !== CONTENTS[kind].grow);
        const outputs = await drill(linesOf(7), settled, {
          uid: () => newest('disk'),
          leaveOut: others.map(({ grow }) => grow),
        });
        expect(Object.values(outputs).join('')).toContain('No problems found');
        // The old partition was smaller than its disk.
        expect(Number(await machine.ok(size))).toBeGreaterThan(mib);
      } finally {
        await machine.run('umount /mnt');
        for (const device of attached.splice(0)) await machine.run(`losetup -d ${device}`);
      }
    });
  });
});
