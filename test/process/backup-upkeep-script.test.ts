import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { ScriptLab } from '../support/labs/script-lab.ts';

let lab: ScriptLab;
beforeEach(() => {
  lab = new ScriptLab();
  onTestFinished(() => lab.remove());
});

const upkeep = (...args: string[]) => lab.run('backup-upkeep.sh', ...args);
const STEPS = ['rm', 'cleanup', 'scrub', 'backup-db', 'sla'];
/** The name of the command in each call. */
const steps = () => lab.calls().map((call) => call.split(' ')[2]);

test('each step runs, and nothing is printed', async () => {
  lab.backy2('[ "$2" = sla ] || echo INFO');
  expect(await upkeep('/copies')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(steps()).toEqual(STEPS);
  expect(lab.calls()[3]).toMatch(/^backy2 -m backup-db -f \/copies\/backy-db-[1-7]$/);
});

test.each(STEPS)('if %s fails, the others run, and the exit code is 1', async (step) => {
  lab.backy2(`[ "$2" != ${step} ] || { echo 'ERROR: no' >&2; exit 20; }`);
  const { code, stderr } = await upkeep('/copies');
  expect(code).toBe(1);
  expect(stderr).toContain('ERROR: no\n');
  expect(steps()).toEqual(STEPS);
});

test('breaches are printed, and make the exit code 1', async () => {
  lab.backy2('[ "$2" != sla ] || echo "web|Too few backups."');
  expect(await upkeep('/copies')).toMatchObject({ code: 1, stdout: 'web|Too few backups.\n', stderr: '' });
});

test('without a folder nothing is done', async () => {
  lab.backy2('');
  expect(await upkeep()).toMatchObject({ code: 2, stdout: '', stderr: 'usage: backup-upkeep.sh COPIES\n' });
  expect(lab.calls()).toEqual([]);
});
