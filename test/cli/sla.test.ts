import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';
import { addVersion, DAY, HOUR, linesNow, runNow, SCHEDULERS, timeText } from '../support/labs/schedule-lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ config: SCHEDULERS });
  onTestFinished(() => lab.remove());
});

test('sla: no breach is an empty table', async () => {
  for (const days of [0, 1, 2]) addVersion(lab, 'vm', days * DAY + HOUR);
  expect(await linesNow(lab, 'sla', '-s', 'daily')).toEqual([]);
  expect((await runNow(lab, 'sla', '-s', 'daily')).stdout).toContain(
    '\n+------+--------+\n| name | breach |\n+------+--------+\n+------+--------+\n',
  );
});

test('sla: all breaches of all names and schedulers: by name, then schedulers as asked', async () => {
  const [c1, , , , c5] = [200, 199, 198, 197, 196].map((hours) => addVersion(lab, 'c', hours * HOUR));
  addVersion(lab, 'a', HOUR, { tags: ['weekly'] });
  expect(await linesNow(lab, 'sla', '-s', 'weekly,daily')).toEqual([
    'a|daily: Too few backups. Found 0, should be 2.',
    'c|weekly: Too few backups. Found 0, should be 1.',
    'c|daily: Too many backups. Found 5, should be 2.',
    `c|daily: Latest backup is too old. Version ${c5} has date ${timeText(-196 * HOUR)}, new backup due since ${timeText(-166 * HOUR)}.`,
    ...[199, 198, 197, 196].map((hours) => {
      const [from, to] = [timeText((-hours - 1 + 18) * HOUR), timeText((-hours - 1 + 30) * HOUR)];
      const uid = lab.versions()[200 - hours]?.uid;
      return `c|daily: Version ${uid} is not in SLA range. It was created at ${timeText(-hours * HOUR)} and should be between ${from} and ${to}.`;
    }),
    `c|daily: Backup too old. Found version_uid ${c1} with backup date ${timeText(-200 * HOUR)}. Oldest allowed date is ${timeText(-78 * HOUR)}.`,
  ]);
});

/** Ages of versions of `daily` (interval 1d, keep 2, sla 6h), and the expected breaches. */
test.each([
  ['keep of them', [25 * HOUR, HOUR], []],
  ['one fewer than keep', [HOUR], ['Too few']],
  ['keep + 2 of them', [73, 49, 25, 1].map((hours) => hours * HOUR), []],
  ['keep + 3 of them', [73, 61, 49, 25, 1].map((hours) => hours * HOUR), ['Too many', 'not in', 'not in']],
  ['the newest interval + sla old', [54 * HOUR, 30 * HOUR], []],
  ['the newest a second older', [54 * HOUR, 30 * HOUR + 1], ['Latest']],
  ['a distance of interval - sla', [19 * HOUR, HOUR], []],
  ['a distance a second shorter', [19 * HOUR - 1, HOUR], ['not in']],
  ['a distance of interval + sla', [31 * HOUR, HOUR], []],
  ['a distance a second longer', [31 * HOUR + 1, HOUR], ['not in']],
  ['the oldest keep x interval + sla + 1 day old', [78, 52, 26, 1].map((hours) => hours * HOUR), []],
  ['the oldest a second older', [78 * HOUR + 1, 52 * HOUR, 26 * HOUR, HOUR], ['Backup too old']],
  ['the oldest a second younger', [78 * HOUR - 1, 52 * HOUR, 26 * HOUR, HOUR], []],
])('sla of %s', async (_, ages, kinds) => {
  for (const age of ages) addVersion(lab, 'vm', age);
  const breaches = await linesNow(lab, 'sla', '-s', 'daily', 'vm');
  expect(breaches).toHaveLength(kinds.length);
  for (const [i, kind] of kinds.entries()) expect(breaches[i]).toContain(kind);
});

test('sla: versions that are invalid or have another tag do not count, names that have only such ones do', async () => {
  addVersion(lab, 'vm', HOUR, { valid: 0 });
  addVersion(lab, 'vm', HOUR, { tags: ['b_daily'] });
  expect(await linesNow(lab, 'sla', '-s', 'daily')).toEqual(['vm|daily: Too few backups. Found 0, should be 2.']);
});

test('sla: NAME shows only that name, even if it was never backed up', async () => {
  addVersion(lab, 'other', 3 * DAY);
  expect(await linesNow(lab, 'sla', '-s', 'weekly', 'newname')).toEqual([
    'newname|weekly: Too few backups. Found 0, should be 1.',
  ]);
});

test('sla: names of a scheduler, names that were seen, and new names by their age', async () => {
  lab.configure({ DEFAULTS: { sla_new_names: 'by-age' }, daily: { names: 'web, "a,b"' } });
  const uid = await lab.backup('-e', '2020-01-01', `file://${lab.write('image', 'image')}`, 'failed');
  lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', uid);
  await lab.ok('rm', '--expired');
  addVersion(lab, 'new', HOUR);
  const ofDaily = (name: string) => `${name}|daily: Too few backups. Found 0, should be 2.`;
  expect(await linesNow(lab, 'sla', '-s', 'daily')).toEqual(['a,b', 'failed', 'web'].map(ofDaily));
  expect(await lab.ok('rm', '--forget', 'failed')).toContain('INFO: Forgot the name failed.');
  expect(await linesNow(lab, 'sla', '-s', 'daily')).toEqual(['a,b', 'web'].map(ofDaily));
});

test('sla: -f picks columns, --json is a list of objects, -v lists the checked backups', async () => {
  addVersion(lab, 'vm', HOUR);
  const breach = 'daily: Too few backups. Found 1, should be 2.';
  expect(await linesNow(lab, 'sla', '-s', 'daily', '-f', 'breach')).toEqual([breach]);
  expect(JSON.parse((await runNow(lab, '--json', 'sla', '-s', 'daily')).stdout)).toEqual([{ name: 'vm', breach }]);
  expect((await runNow(lab, '-v', 'sla', '-s', 'daily,weekly')).stdout.match(/^ {3}DEBUG: SLA: .*$/gm)).toEqual([
    '   DEBUG: SLA: Valid backups of vm with the tag daily: 1, from 2026-03-01 11:00:00 to 2026-03-01 11:00:00. Keep is 2, interval is 1d, SLA is 6h. Now is 2026-03-01 12:00:00.',
    '   DEBUG: SLA: Valid backups of vm with the tag weekly: none. Keep is 1, interval is 7d, SLA is 12h. Now is 2026-03-01 12:00:00.',
  ]);
});
