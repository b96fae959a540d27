import { readdirSync, readFileSync, statSync } from 'node:fs';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';
import { addVersion, DAY, HOUR, runNow, timeText } from '../support/labs/schedule-lab.ts';

const DAILY = { interval: '1d', keep: 1, sla: '6h' };

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ config: { daily: DAILY, DEFAULTS: { sla_schedulers: 'daily' } } });
  onTestFinished(() => lab.remove());
});

describe('status', () => {
  test('lists the worst first, in aligned columns, and complains to nobody', async () => {
    addVersion(lab, 'good', HOUR);
    const uid = addVersion(lab, 'old', 2 * DAY);
    const { code, stdout, stderr } = await runNow(lab, 'status');
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    const rows = stdout.split('\n').filter((line) => line.startsWith('|'));
    expect(rows.map((row) => row.split('|').map((cell) => cell.trim()))).toEqual([
      ['', 'state', 'name', 'newest', 'age', 'next_due', 'problem', ''],
      [
        ...['', 'critical', 'old', timeText(-2 * DAY), '2d', timeText(-2 * DAY + 18 * HOUR)],
        ...[`daily: The latest backup is too old since ${timeText(-2 * DAY + 30 * HOUR)}.`, ''],
      ],
      ['', 'ok', 'good', timeText(-HOUR), '60m', timeText(17 * HOUR), '', ''],
    ]);
    expect(stdout).toContain('INFO: Backy complete.');
    const fields = await runNow(lab, '-ms', 'status', '-f', 'uid,bad_blocks,schedulers', 'old');
    expect(fields.stdout).toBe(`${uid}|0|daily\n`);
    expect(fields.code).toBe(2);
  });

  test.each([
    [0, 'ok', HOUR],
    [1, 'warning', 29 * HOUR],
    [2, 'critical', 31 * HOUR],
  ])('exits with %d for %s, and --check prints one line', async (code, state, age) => {
    addVersion(lab, 'vm', age);
    const checked = await runNow(lab, 'status', '--check');
    expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code, stderr: '' });
    expect(checked.stdout).toMatch(
      new RegExp(`^BACKY2 ${state.toUpperCase()} - [^|\\n]*1 names?[^|\\n]* \\| names=1 [^|\\n]*\\n$`),
    );
  });

  test('exits with 3 for everything that keeps it from an answer', async () => {
    for (const words of [
      ['status', '--bogus'],
      ['status', 'a', 'b'],
      ['--bogus', 'status'],
      ['status', '-f', 'nonsense'],
    ])
      expect((await lab.run(words)).code, words.join(' ')).toBe(3);
    const json = await lab.run(['--json', 'status', '--bogus']);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'usage', exit_code: 3 } });
    lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('none.sqlite')}` } });
    const missing = await lab.run(['status', '--check']);
    expect(missing.code).toBe(3);
    expect(missing.stdout).toMatch(/^BACKY2 UNKNOWN - [^\n]+\n$/);
    expect(missing.stderr).toContain('ERROR: ');
    lab.configure({ DEFAULTS: { block_size: 'x' } });
    expect((await lab.run(['status'])).code).toBe(3);
    // Other commands keep their codes.
    expect((await lab.run(['ls', '--bogus'])).code).toBe(2);
    expect((await lab.run(['ls'])).code).toBe(1);
  });

  test('changes nothing, not even a database that has to be made', async () => {
    lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('none.sqlite')}` } });
    await lab.run(['status']);
    await lab.run(['metrics']);
    expect(readdirSync(lab.path('.'))).not.toContain('none.sqlite');
  });
});

describe('sla --check', () => {
  test.each([
    [0, HOUR, ''],
    [2, 31 * HOUR, 'Latest backup is too old.'],
  ])('exits with %d for a backup of %d seconds ago, and prints as sla', async (code, age, text) => {
    addVersion(lab, 'vm', age);
    const { stdout, stderr, code: ended } = await runNow(lab, '-ms', 'sla', '--check');
    expect({ ended, stderr }).toEqual({ ended: code, stderr: '' });
    expect(stdout).toBe((await runNow(lab, '-ms', 'sla')).stdout);
    expect(stdout).toContain(text);
    expect((await runNow(lab, '-ms', 'sla')).code).toBe(0);
  });

  test('exits with 1 for breaches that leave enough backups, with 3 for failures', async () => {
    for (const hours of [5, 4, 3, 2, 1]) addVersion(lab, 'vm', hours * HOUR);
    expect((await runNow(lab, 'sla', '--check')).code).toBe(1);
    expect((await lab.run(['sla', '--check', '-s', 'none'])).code).toBe(3);
    expect((await lab.run(['sla', '-s', 'none'])).code).toBe(100);
    expect((await lab.run(['sla', '--bogus', '--check'])).code).toBe(3);
    expect((await lab.run(['sla', '--bogus'])).code).toBe(2);
  });
});

describe('metrics', () => {
  test('go to stdout alone, or to a file that anybody may read', async () => {
    addVersion(lab, 'vm', HOUR);
    const { code, stdout, stderr } = await runNow(lab, 'metrics');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^# HELP backy2_version_info .*\n# TYPE backy2_version_info gauge\n/);
    const file = lab.path('backy2.prom');
    const written = await runNow(lab, 'metrics', '-o', file);
    expect(written.stdout).toMatch(/INFO: Wrote \d+ samples to .*backy2\.prom\.\n/);
    expect(readFileSync(file, 'utf8')).toBe(stdout);
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test('leave the old file when they fail, and refuse a file of the installation', async () => {
    const refused = await lab.run(['metrics', '-o', lab.path('backy.sqlite')]);
    expect(refused.code).toBe(1);
    const nowhere = await lab.run(['metrics', '-o', lab.path('none/backy2.prom')]);
    expect(nowhere.code).toBe(100);
    expect(nowhere.stderr).toMatch(/ERROR: Cannot write metrics to .*none\/backy2\.prom: ENOENT/);
  });
});
