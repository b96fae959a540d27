import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drill, sectionOf, shellLines } from '../support/docs/drill.ts';
import { install, installConfigured } from '../support/docs/installed.ts';
import { needMachines, type PageMachine, PageMachines } from '../support/docs/page-machine.ts';
import { noise } from '../support/images/random.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const PAGE = readFileSync('docs/moving.md', 'utf8');
const [OLD, NEW] = ['old.example.com', 'new.example.com'];
const IMAGE = noise(6 * 2 ** 20, 'moving');
const lack = lacking(await needMachines(), await needTool('rsync', '--version'), await needTool('systemctl', '--version'));

describe.skipIf(lack.skip)(`the commands of docs/moving.md${lack.note}`, () => {
  let machines: PageMachines;
  let from: PageMachine;
  let to: PageMachine;
  let uid: string;
  beforeEach(async () => {
    machines = await PageMachines.start(OLD, NEW);
    [from, to] = [machines.named(OLD), machines.named(NEW)];
    await installConfigured(from);
    await install(to);
    for (const host of [from, to]) host.write('/srv/web.img', IMAGE);
    from.write('/etc/backy/conf.d/jobs.cfg', '[job:web]\nsource: file:///srv/web.img\n');
    await from.ok('systemctl enable --now backy2-run.timer && systemctl start backy2-run.service');
    uid = (await from.ok('backy2 -ms ls -f uid web')).trim();
  });
  afterEach(() => machines.stop());

  const onHost = (host: PageMachine, title: string) =>
    drill(shellLines(sectionOf(PAGE, title)), (line) => host.run(line), { uid });

  test('with a copy of the database', async () => {
    await onHost(from, 'Before you begin');
    await onHost(from, '1. Stop the old host');
    await onHost(from, '2. Copy');
    const outputs = await onHost(to, '3. Check the new host');
    expect(outputs['backy2 ls']).toContain(uid);
    await to.ok('cmp /srv/web.img /var/tmp/moved.img');
    const started = await onHost(to, '4. Start the new host');
    expect(started['backy2 run --dry-run']).toMatch(/web.*not due/);
    expect(await to.ok('systemctl is-enabled backy2-run.timer')).toBe('enabled\n');
    expect((await from.run('systemctl is-enabled backy2-run.timer')).stdout).toBe('disabled\n');
  });

  test('without the database', async () => {
    await onHost(from, 'Before you begin');
    for (const line of shellLines(sectionOf(PAGE, '2. Copy'))) if (!line.includes('backy-db')) await from.ok(line);
    const outputs = await onHost(to, 'Without the database');
    expect(outputs['backy2 ls']).toContain(uid);
    await onHost(to, '4. Start the new host');
  });
});
