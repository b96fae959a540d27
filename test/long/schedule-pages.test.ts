import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeBlocks, configBlock, drill, sectionOf, shellLines } from '../support/docs/drill.ts';
import { installConfigured } from '../support/docs/installed.ts';
import { needMachines, type PageMachine, PageMachines } from '../support/docs/page-machine.ts';
import { noise } from '../support/images/random.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const SCHEDULES = readFileSync('docs/schedules.md', 'utf8');
const FROM_PYTHON = readFileSync('docs/from-python-backy2.md', 'utf8');
const MONITORING = readFileSync('docs/monitoring.md', 'utf8');
const NAME = 'backups.example.com';
const lack = lacking(await needMachines(), await needTool('systemctl', '--version'));

describe.skipIf(lack.skip)(`pages about schedules and monitoring${lack.note}`, () => {
  let machines: PageMachines;
  let machine: PageMachine;
  beforeEach(async () => {
    machines = await PageMachines.start(NAME);
    machine = machines.named(NAME);
    await installConfigured(machine);
    machine.write('/srv/office.img', noise(100_000, 'office'));
  });
  afterEach(() => machines.stop());

  const run = (line: string) => machine.run(line);
  /** The block below the sentence that names its file. */
  const blockWith = (text: string) => codeBlocks(SCHEDULES).find((block) => block.includes(text)) ?? '';

  test('docs/schedules.md: run', async () => {
    const jobs = configBlock(SCHEDULES, '[job:web]');
    const here = jobs.split(/^(?=\[)/m).filter((section) => !section.includes('rbd://'));
    machine.write('/etc/backy/conf.d/jobs.cfg', here.join('').replace(/^on_problem.*\n/m, ''));
    machine.write('/etc/systemd/system/backy2-run.timer.d/night.conf', blockWith('[Timer]'));
    const outputs = await drill(shellLines(sectionOf(SCHEDULES, 'run')), run);
    expect(outputs['backy2 run --dry-run']).toMatch(/office.* due /);
    const [calendar = ''] = /(?<=OnCalendar=)\*.*/.exec(blockWith('[Timer]')) ?? [];
    expect(await machine.ok(`systemd-analyze calendar --base-time '2031-01-01 12:00' --iterations 2 '${calendar}'`)).toMatch(
      / 22:00:00.* 22:05:00/s,
    );
    const cron = blockWith('*/5').replace(/^.*root +/, '');
    await drill([cron], run);
    expect(await machine.ok('backy2 -ms ls -f name,valid')).toBe('office|1\n');
  });

  test('docs/schedules.md: units of your own loop', async () => {
    await machine.ok('cp /usr/share/backy2/scripts/* /usr/local/bin/');
    machine.write('/etc/backy/images', 'file:///srv/office.img off\n');
    await machine.ok('mkdir -p /mnt/other-disk/backy2');
    const lines = shellLines(sectionOf(SCHEDULES, 'Your own loop')).filter((line) => !line.includes('while'));
    await drill(lines, run);
    expect(machine.read('/var/mail/sent')).toContain('backy2-upkeep failed on backups.example.com');
    for (const unit of ['backup', 'upkeep']) await machine.ok(`systemctl start backy2-${unit}.service`);
    expect(await machine.ok('backy2 -ms ls -f name,valid')).toBe('off|1\n');
  });

  test('docs/monitoring.md', async () => {
    machine.write('/etc/backy/conf.d/jobs.cfg', '[job:web]\nsource: file:///srv/office.img\n');
    await machine.ok('mkdir -p /var/lib/prometheus/node-exporter && backy2 run');
    const lines = shellLines(MONITORING).filter((line) => line.startsWith('backy2 '));
    expect(lines.length).toBeGreaterThan(1);
    await drill(lines, run);
    expect(machine.read('/var/lib/prometheus/node-exporter/backy2.prom')).toContain('backy2_name_status{name="web"} 0');
  });

  test('docs/from-python-backy2.md', async () => {
    const uid = (await machine.ok('backy2 -m backup -t daily file:///srv/office.img office')).split('\n')[0] ?? '';
    await drill(shellLines(sectionOf(FROM_PYTHON, 'Switch')), run, { uid });
    await machine.ok('cmp /srv/office.img /tmp/restored.img');
    machine.write('/etc/backy/conf.d/jobs.cfg', '[job:a]\nsource: file:///srv/office.img\nname: office\n');
    const outputs = await drill(shellLines(sectionOf(FROM_PYTHON, 'From cron scripts to run')), run);
    expect(outputs['backy2 run --dry-run']).toMatch(/office.*not due/);
  });
});
