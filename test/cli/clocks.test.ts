import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { addVersion, DAY, HOUR, linesNow, MINUTE, NEVER, runNow, SCHEDULERS, timeText } from '../support/labs/schedule-lab.ts';
import { clockAt } from '../support/program/clock.ts';

const BLOCK = 4096;
const NOW = Date.now();
const YEARS = 4 * 365 * DAY;
const WARNING = 'Check the clocks of all hosts.';

let lab: Lab;
beforeEach(async () => {
  logSeen = 0;
  lab = await Lab.create({ blockSize: BLOCK, workers: 1, config: SCHEDULERS });
});
afterEach(() => lab.remove());

/** Runs the program with a clock that is ahead of the real one. @param seconds by how much. */
const runAhead = (seconds: number, ...args: string[]) => lab.run(args, { env: clockAt(new Date(NOW + seconds * 1000)) });
const okAhead = async (seconds: number, ...args: string[]) => {
  const { code, stdout, stderr } = await runAhead(seconds, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};
const jsonAhead = async <T>(seconds: number, ...args: string[]) =>
  JSON.parse((await runAhead(seconds, '--json', ...args)).stdout) as T;
const source = (name: string, blocks: number) => `file://${lab.write(name, noise(blocks * BLOCK, name))}`;
/** The new warnings in the log about times in the future. */
let logSeen = 0;
const warnings = () => {
  const lines = lab.log().split('\n');
  const fresh = lines.slice(logSeen).filter((line) => line.includes('in the future'));
  logSeen = lines.length - 1;
  return fresh.map((line) => line.replace(/^.*?\] /, ''));
};
const future = (seconds: number) => new Date(NOW + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

describe('scrub --oldest with the clock years ahead, once, and right again', () => {
  interface Checked {
    blobs: number;
    blobs_checked: number;
    errors: { uid: string }[];
  }
  interface Coverage {
    days: number;
    verified: number;
    percent: number;
    oldest: string | null;
  }

  test('checks all blobs again, a share at a time, and says so once', async () => {
    const uid = await lab.backup(source('a', 20), 'a');
    expect(await jsonAhead<Checked>(YEARS, 'scrub', '--oldest', '100')).toMatchObject({ blobs: 20, blobs_checked: 20 });
    const [week] = await jsonAhead<Coverage[]>(0, 'scrub', '--coverage', '--days', '7');
    expect(week).toMatchObject({ verified: 0, percent: 0, oldest: null });
    expect(warnings()).toEqual([`20 blobs were verified in the future: they do not count. ${WARNING}`]);
    lab.blobAt(uid, 7).write(noise(BLOCK, 'other bytes'));
    const first = await runAhead(0, 'scrub', '--oldest', '50');
    expect(warnings()).toEqual([
      `20 blobs were verified in the future, up to ${future(YEARS + 1)}. They are dated now. ${WARNING}`,
    ]);
    expect(first.stdout).toContain('Checked 10 of 20 blobs');
    // New blobs are not put behind checked ones.
    await okAhead(MINUTE, 'backup', source('b', 4), 'b');
    const second = await runAhead(DAY, 'scrub', '--oldest', '50');
    expect(second.stdout).toContain('Checked 12 of 24 blobs');
    expect(warnings()).toEqual([]);
    // One of the two reached the bad blob.
    expect([first.code, second.code].sort()).toEqual([0, 20]);
    expect(lab.version(uid).valid).toBe(0);
    const checked = lab.query<{ good: number | null }>(
      'SELECT good FROM backy2_verified WHERE time < ?',
      Math.floor(NOW / 1000) + 2 * DAY,
    );
    expect(checked.filter(({ good }) => good !== null).length).toBeGreaterThanOrEqual(22);
  });
});

describe('a version that is dated in the future', () => {
  const warningOf = (uid: string, date: string) => `Version ${uid} is dated ${date}, in the future. ${WARNING}`;

  test('keeps no backup from being due, and is told', async () => {
    const uid = addVersion(lab, 'vm', -YEARS);
    const { code, stdout } = await runNow(lab, '-ms', 'due');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `vm|daily|${timeText(3 * DAY)}|${NEVER}\n` });
    expect(warnings()).toEqual([warningOf(uid, timeText(YEARS))]);
    // The earlier version decides.
    addVersion(lab, 'vm', 20 * HOUR);
    expect((await runNow(lab, '-ms', 'due')).stdout).toBe(`vm|daily|${timeText(3 * DAY)}|${timeText(-2 * HOUR)}\n`);
    addVersion(lab, 'vm', HOUR);
    expect((await runNow(lab, '-ms', 'due')).stdout).toBe('');
  });

  test('is a breach of the SLA; the others are judged as if it were not there', async () => {
    addVersion(lab, 'vm', 2 * DAY);
    const uid = addVersion(lab, 'vm', -YEARS);
    const { stdout } = await runNow(lab, '-ms', 'sla', '-s', 'daily');
    expect(stdout.split('\n').slice(0, -1)).toEqual([
      `vm|daily: Backup dated in the future. Found version_uid ${uid} with backup date ${timeText(YEARS)}.`,
      expect.stringContaining('vm|daily: Latest backup is too old.'),
    ]);
    expect(warnings()).toEqual([warningOf(uid, timeText(YEARS))]);
  });

  test('several are one line', async () => {
    const [, , last] = ['a', 'b', 'c'].map((name, n) => addVersion(lab, name, -DAY - n));
    const { stdout } = await runNow(lab, 'due');
    const warning = `3 versions are dated in the future, up to ${timeText(DAY + 2)} (version ${last}). ${WARNING}`;
    expect(stdout).toContain(` WARNING: ${warning}\n`);
    expect(warnings()).toEqual([warning]);
  });

  test('by minutes is ignored: clocks differ by that', async () => {
    addVersion(lab, 'vm', -4 * MINUTE);
    expect(await linesNow(lab, 'due')).toEqual([]);
  });

  test('keeps no tag from the next backup', async () => {
    const ahead = addVersion(lab, 'vm', -YEARS, { tags: ['b_daily', 'b_weekly', 'b_monthly'] });
    const { code, stdout } = await runNow(lab, '-m', 'backup', source('vm', 1), 'vm');
    expect(code).toBe(0);
    expect(warnings()).toEqual([warningOf(ahead, timeText(YEARS))]);
    expect(lab.tags(stdout.split('\n')[0] ?? '')).toEqual(['b_daily', 'b_monthly', 'b_weekly']);
    // Now there is a version of today.
    const next = await runNow(lab, '-m', 'backup', source('vm', 1), 'vm');
    expect(lab.tags(next.stdout.split('\n')[0] ?? '')).toEqual([]);
  });
});

describe('a blob to delete', () => {
  const deletedAhead = async (seconds: number) => {
    const { code, stdout } = await runAhead(seconds, '--json', 'cleanup');
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { blobs_deleted: number }).blobs_deleted;
  };

  test('that is dated in the future stays for an hour from its first cleanup on, not until then', async () => {
    const uid = await lab.backup(source('a', 5), 'a');
    await okAhead(YEARS, 'rm', '-f', uid);
    warnings();
    expect(await deletedAhead(0)).toBe(0);
    expect(warnings()).toEqual([
      `5 blobs to delete were dated in the future, up to ${future(YEARS)}. They are dated now. ${WARNING}`,
    ]);
    expect(await deletedAhead(HOUR - 1)).toBe(0);
    expect(await deletedAhead(HOUR)).toBe(5);
    expect(warnings()).toEqual([]);
    expect(lab.blobs()).toEqual([]);
  });

  test('that is dated in the future goes at once with --dangerous-force', async () => {
    const uid = await lab.backup(source('a', 5), 'a');
    await okAhead(YEARS, 'rm', '-f', uid);
    expect((await runAhead(0, 'cleanup', '--dangerous-force')).code).toBe(0);
    expect(lab.blobs()).toEqual([]);
  });
});
