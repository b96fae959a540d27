import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';
import { addVersion, DAY, HOUR, linesNow, MINUTE, NEVER, runNow, SCHEDULERS, timeText } from '../support/labs/schedule-lab.ts';
import { clockAt } from '../support/program/clock.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ config: SCHEDULERS });
  onTestFinished(() => lab.remove());
});

test('due: one row per name, with its schedulers, latest expire date and earliest due date; longest due first, then by name', async () => {
  addVersion(lab, 'z', 2 * DAY, { tags: ['daily', 'weekly'] });
  addVersion(lab, 'b', 3 * DAY);
  addVersion(lab, 'fresh', MINUTE, { tags: ['hourly', 'daily', 'weekly'] });
  addVersion(lab, 'a', 3 * DAY);
  addVersion(lab, 'new', MINUTE, { tags: [] });
  expect(await linesNow(lab, 'due', '-s', 'weekly,hourly,daily')).toEqual([
    `a|weekly,hourly,daily|${timeText(14 * DAY)}|${NEVER}`,
    `b|weekly,hourly,daily|${timeText(14 * DAY)}|${NEVER}`,
    `new|weekly,hourly,daily|${timeText(14 * DAY)}|${NEVER}`,
    `z|hourly,daily|${timeText(3 * DAY)}|${NEVER}`,
  ]);
  expect(await linesNow(lab, 'due', '-s', 'daily')).toEqual([
    `new|daily|${timeText(3 * DAY)}|${NEVER}`,
    `a|daily|${timeText(3 * DAY)}|${timeText(-3 * DAY + 18 * HOUR)}`,
    `b|daily|${timeText(3 * DAY)}|${timeText(-3 * DAY + 18 * HOUR)}`,
    `z|daily|${timeText(3 * DAY)}|${timeText(-2 * DAY + 18 * HOUR)}`,
  ]);
});

test.each([
  [18 * HOUR - 1, false],
  [18 * HOUR, false],
  [18 * HOUR + 1, true],
])('due with the newest %i seconds old, interval 1d and sla 6h: %s', async (age, due) => {
  addVersion(lab, 'vm', 5 * DAY);
  addVersion(lab, 'vm', age);
  expect(await linesNow(lab, 'due', '-s', 'daily')).toEqual(
    due ? [`vm|daily|${timeText(3 * DAY)}|${timeText(18 * HOUR - age)}`] : [],
  );
});

test('due: counts days through the end of a February, and of one in a leap year', async () => {
  lab.configure({ monthly: { interval: '30d', keep: 1, sla: '0s' } });
  const due = async (now: string) =>
    (await lab.run(['-ms', 'due', '-s', 'monthly', 'vm'], { env: clockAt(new Date(now)) })).stdout;
  addVersion(lab, 'vm', 29 * DAY + 12 * HOUR, { tags: ['monthly'] });
  expect(lab.versions()[0]?.date).toBe('2026-01-31 00:00:00.000000');
  expect(await due('2026-03-02T00:00:00Z')).toBe('');
  expect(await due('2026-03-02T00:00:01Z')).toBe('vm|monthly|2026-05-01 00:00:01|2026-03-02 00:00:00\n');
  lab.sql("UPDATE versions SET date = '2028-01-31 00:00:00.000000'");
  expect(await due('2028-03-01T00:00:01Z')).toBe('vm|monthly|2028-04-30 00:00:01|2028-03-01 00:00:00\n');
});

test('due: a version that is invalid, or has no tag of the scheduler, or another name, does not count', async () => {
  addVersion(lab, 'vm', MINUTE, { valid: 0 });
  addVersion(lab, 'vm', MINUTE, { tags: ['b_daily', 'dail', 'hourly'] });
  addVersion(lab, 'other', MINUTE);
  expect(await linesNow(lab, 'due', '-s', 'daily')).toEqual([`vm|daily|${timeText(3 * DAY)}|${NEVER}`]);
});

test('due: NAME shows only that name, even if it was never backed up', async () => {
  addVersion(lab, 'vm', 3 * DAY);
  addVersion(lab, 'other', 3 * DAY);
  expect(await linesNow(lab, 'due', 'vm')).toEqual([`vm|daily|${timeText(3 * DAY)}|${timeText(-3 * DAY + 18 * HOUR)}`]);
  expect(await linesNow(lab, 'due', 'newname', '-s', 'daily,weekly')).toEqual([
    `newname|daily,weekly|${timeText(14 * DAY)}|${NEVER}`,
  ]);
  expect(await linesNow(lab, 'due')).toHaveLength(2);
});

test('due: a scheduler with keep 0 is never due', async () => {
  addVersion(lab, 'vm', 300 * DAY, { tags: ['never'] });
  expect(await linesNow(lab, 'due', '-s', 'never')).toEqual([]);
  expect(await linesNow(lab, 'due', '-s', 'never', 'newname')).toEqual([]);
  expect(await linesNow(lab, 'due', '-s', 'never,daily', 'newname')).toEqual([`newname|daily|${timeText(3 * DAY)}|${NEVER}`]);
});

test('due: -f picks and orders columns; -m has a header, -ms has not; a table has borders', async () => {
  addVersion(lab, 'vm', 3 * DAY);
  const since = timeText(-3 * DAY + 18 * HOUR);
  expect(await linesNow(lab, 'due', '-f', 'due_since,name')).toEqual([`${since}|vm`]);
  expect((await runNow(lab, '-m', 'due', '-f', 'due_since,name')).stdout).toBe(`due_since|name\n${since}|vm\n`);
  expect((await runNow(lab, '-s', 'due', '--fields', 'name,schedulers')).stdout).toContain(
    '\n+----+-------+\n| vm | daily |\n+----+-------+\n',
  );
});

test('due: --json is a list of objects, with times in ISO 8601', async () => {
  addVersion(lab, 'vm', 3 * DAY);
  expect(JSON.parse((await runNow(lab, '--json', 'due', '-s', 'daily,weekly')).stdout)).toEqual([
    {
      name: 'vm',
      schedulers: ['daily', 'weekly'],
      expire_date: '2026-03-15T12:00:00.000Z',
      due_since: '1970-01-01T00:00:00.000Z',
    },
  ]);
  expect((await runNow(lab, '--json', 'due', '-s', 'never')).stdout).toBe('[]\n');
});

test('due: -v explains each name and scheduler', async () => {
  addVersion(lab, 'vm', 3 * DAY);
  const { stdout } = await runNow(lab, '-v', 'due', '-s', 'daily,hourly,never', 'vm');
  expect(stdout.split('\n').filter((line) => line.startsWith('   DEBUG: DUE: '))).toEqual([
    '   DEBUG: DUE: Last backup of vm with the tag daily was at 2026-02-26 12:00:00. Interval is 1d, SLA is 6h, so the next is due after 2026-02-27 06:00:00. Now is 2026-03-01 12:00:00, so it is due.',
    '   DEBUG: DUE: There is no valid backup of vm with the tag hourly, so it is due since 1970-01-01 00:00:00.',
    '   DEBUG: DUE: The scheduler never keeps no backup (keep is 0), so vm is not due.',
  ]);
  expect((await runNow(lab, 'due', 'vm')).stdout).not.toContain('DEBUG');
  expect(lab.log()).toContain('] DUE: Last backup of vm');
});
