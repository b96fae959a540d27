import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab, type StoredBlob } from '../support/labs/lab.ts';
import { clockAt } from '../support/program/clock.ts';

const BLOCK = 4096;
const START = Date.parse('2026-03-01T02:00:00Z');
const DAY_MS = 86_400_000;

interface OldestDocument {
  blobs: number;
  blobs_checked: number;
  out_of_time: boolean;
  errors: { uid: string; version_uid: string; id: number; problem: string }[];
  affected_versions: string[];
}

interface CoverageRow {
  days: number;
  blobs: number;
  verified: number;
  percent: number;
  never: number;
  bad: number;
  oldest: string | null;
  oldest_uid: string | null;
}

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

/** Runs the program on a day; days are counted from the start. */
const runOn = (day: number, ...args: string[]) => lab.run(args, { env: clockAt(new Date(START + day * DAY_MS)) });
const jsonOn = async <T>(day: number, ...args: string[]): Promise<T> =>
  JSON.parse((await runOn(day, '--json', ...args)).stdout) as T;
const backupOn = async (day: number, name: string, blocks: number) => {
  const { code, stdout } = await runOn(day, '-m', 'backup', `file://${lab.write(name, noise(blocks * BLOCK, name))}`, name);
  expect(code).toBe(0);
  return stdout.split('\n')[0] ?? '';
};
/** The day on which each blob was last verified; null: never. */
const checkedOn = () =>
  new Map(
    lab
      .query<{ uid: string; time: number; good: number | null }>('SELECT uid, time, good FROM backy2_verified')
      .map(({ uid, time, good }) => [uid, good === null ? null : Math.floor((time * 1000 - START) / DAY_MS)]),
  );

describe('scrub --oldest', () => {
  test.each([25, 30])(
    'at %i percent a day, every blob is checked within the expected number of days, even if blobs are added',
    async (percent) => {
      const cycle = Math.ceil(100 / percent);
      await backupOn(0, 'a', 20);
      let last = new Map<string, number>();
      for (let day = 1; day <= 2 * cycle + 1; day++) {
        // Every day adds 1.5 times as many new blocks as the first run checks.
        await backupOn(day, `new${day}`, 8);
        const result = await jsonOn<OldestDocument>(day, 'scrub', '--oldest', String(percent));
        expect(result).toMatchObject({
          errors: [],
          blobs: 20 + 8 * day,
          blobs_checked: Math.ceil(((20 + 8 * day) * percent) / 100),
        });
        const checked = checkedOn();
        for (const uid of lab.blobs()) {
          const since = last.get(uid) ?? day - 1;
          const now = checked.get(uid) === day ? day : since;
          expect(day - since, `days without a look at ${uid}`).toBeLessThanOrEqual(cycle);
          last.set(uid, now);
        }
        last = new Map(last);
      }
      expect(lab.blobs().filter((uid) => checkedOn().get(uid) === undefined)).toEqual([]);
    },
  );

  test('checks never-verified blobs first, and a shared blob once', async () => {
    const image = noise(10 * BLOCK, 'shared');
    const first = await lab.backup(`file://${lab.write('image', image)}`, 'a');
    await lab.ok('backup', `file://${lab.path('image')}`, 'b');
    await runOn(1, 'scrub', first);
    await backupOn(1, 'c', 5);
    expect(await jsonOn(2, 'scrub', '--oldest', '33')).toMatchObject({ blobs: 15, blobs_checked: 5 });
    expect([...checkedOn().values()].sort()).toEqual([...new Array(10).fill(1), ...new Array(5).fill(2)]);
    expect(await jsonOn(3, 'scrub', '--oldest', '100')).toMatchObject({ blobs: 15, blobs_checked: 15 });
  });

  test('finds, names and marks bad blocks in every version that holds them, and still continues the next day', async () => {
    const image = noise(10 * BLOCK, 'image');
    const first = await lab.backup(`file://${lab.write('image', image)}`, 'a');
    const second = await lab.backup(`file://${lab.path('image')}`, 'b');
    const third = await lab.backup(`file://${lab.write('third', noise(BLOCK, 'third'))}`, 'c');
    flipByte(lab.blobAt(first, 3));
    lab.blobAt(first, 5).remove();
    const { code, stdout } = await runOn(1, '--json', 'scrub', '--oldest', '100');
    expect(code).toBe(20);
    const result = JSON.parse(stdout) as OldestDocument;
    expect(result.errors.map(({ id, problem }) => [id, problem]).sort()).toEqual([
      [3, 'checksum'],
      [5, 'missing'],
    ]);
    expect(result.affected_versions.sort()).toEqual([first, second].sort());
    expect([first, second, third].map((uid) => lab.version(uid).valid)).toEqual([0, 0, 1]);
    const [coverage] = await jsonOn<CoverageRow[]>(1, 'scrub', '--coverage', '--days', '1');
    expect(coverage).toMatchObject({ blobs: 11, verified: 9, never: 0, bad: 2 });
    expect(await jsonOn(2, 'scrub', '--oldest', '50')).toMatchObject({ blobs_checked: 6 });
    expect(await jsonOn(3, 'scrub', '--oldest', '50')).toMatchObject({ blobs_checked: 6 });
    expect([...checkedOn().values()].filter((day) => day === 1)).toEqual([]);
  });

  test('removes rows of blobs that rm and cleanup remove', async () => {
    const first = await backupOn(0, 'a', 10);
    await backupOn(0, 'b', 3);
    await runOn(1, 'scrub', '--oldest', '100');
    await lab.ok('rm', first);
    await lab.ok('cleanup', '--dangerous-force');
    expect(lab.blobs()).toHaveLength(3);
    expect([...checkedOn().keys()].sort()).toEqual(lab.blobs());
    expect(await jsonOn(2, 'scrub', '--oldest', '100')).toMatchObject({ blobs: 3, blobs_checked: 3, errors: [] });
  });

  test('ends at its time limit, and the next run continues there', async () => {
    const mib = 1024 * 1024;
    lab.configure({ DEFAULTS: { block_size: mib } });
    // More than the worker's slots and queue hold: those are checked to their end.
    const blobs = 48;
    await lab.ok('backup', `file://${lab.write('a', noise(blobs * mib, 'a'))}`, 'a');
    lab.configure({ DEFAULTS: { block_size: mib }, DataBackend: { bandwidth_read: 8 * mib } });
    const cut = await jsonOn<OldestDocument>(1, 'scrub', '--budget', '1s');
    expect(cut.out_of_time).toBe(true);
    expect(cut.blobs_checked).toBeLessThan(blobs);
    lab.configure({ DEFAULTS: { block_size: mib } });
    const left = blobs - cut.blobs_checked;
    const rest = await jsonOn<OldestDocument>(2, 'scrub', '--oldest', String((left / blobs) * 100 - 0.001), '--budget', '1h');
    expect(rest).toMatchObject({ out_of_time: false, blobs_checked: left });
    expect([...checkedOn().values()].filter((day) => day === 2)).toHaveLength(left);
  });
});

describe('scrub --coverage', () => {
  test('prints the share verified within some days, by scrub and by restore, and the oldest check', async () => {
    const first = await backupOn(0, 'a', 10);
    const second = await backupOn(0, 'b', 5);
    const rows = (day: number) => jsonOn<CoverageRow[]>(day, 'scrub', '--coverage');
    expect(await rows(0)).toEqual(
      [1, 7, 30, 90].map((days) => ({
        days,
        blobs: 15,
        verified: 0,
        percent: 0,
        never: 15,
        bad: 0,
        oldest: null,
        oldest_uid: null,
      })),
    );
    await runOn(2, 'scrub', first);
    await runOn(8, 'restore', second, 'null://');
    expect((await rows(9)).map(({ verified, percent, never }) => [verified, percent, never])).toEqual([
      [5, 33.3, 0],
      [15, 100, 0],
      [15, 100, 0],
      [15, 100, 0],
    ]);
    const [day] = await jsonOn<CoverageRow[]>(40, 'scrub', '--coverage', '--days', '33');
    expect(day).toMatchObject({ days: 33, verified: 5, oldest: '2026-03-03T02:00:00.000Z' });
    expect(lab.blocks(first).map(({ uid }) => uid)).toContain(day?.oldest_uid);
    const { stdout } = await runOn(9, '-m', 'scrub', '--coverage', '--days', '3,1');
    expect(stdout).toMatch(
      /^days\|blobs\|verified\|percent\|never\|bad\|oldest\|oldest_uid\n3\|15\|5\|33\.3\|0\|0\|2026-03-03 02:00:00\|\w{32}\n1\|15\|5\|33\.3\|.*\n$/,
    );
    expect((await runOn(9, 'scrub', '--coverage')).stdout).toMatch(/\| +7 \| +15 \| +15 \| +100 \|/);
  });
});

describe('scrub of several versions', () => {
  test.each([
    ['--all', ['a', 'a', 'b']],
    ['--name=a', ['a', 'a']],
    ['--tag=t', ['b']],
  ])('%s: a result each, and the worst exit code', async (option, names) => {
    const bad = await lab.backup(`file://${lab.write('a', noise(4 * BLOCK, 'a'))}`, 'a');
    await lab.ok('backup', `file://${lab.write('a2', noise(4 * BLOCK, 'a2'))}`, 'a');
    await lab.ok('backup', '-t', 't', `file://${lab.write('b', noise(4 * BLOCK, 'b'))}`, 'b');
    flipByte(lab.blobAt(bad, 1));
    const { code, stdout } = await lab.run(['--json', 'scrub', option]);
    const results = JSON.parse(stdout) as { uid: string; name: string; valid: boolean; errors: unknown[] }[];
    expect(results.map(({ name }) => name)).toEqual(names);
    expect(results.map(({ uid, valid }) => [uid === bad, valid])).toEqual(
      names.map((_, i) => (names[0] === 'a' && i === 0 ? [true, false] : [false, true])),
    );
    expect(code).toBe(names[0] === 'a' ? 20 : 0);
    expect((await lab.run(['-m', 'scrub', option])).stdout.split('\n')).toHaveLength(names.length + 2);
  });

  test('skips a version that is being made', async () => {
    await lab.ok('backup', `file://${lab.write('a', noise(4 * BLOCK, 'a'))}`, 'a');
    lab.configure({ DataBackend: { bandwidth_write: 4 * BLOCK } });
    const running = lab.start(['backup', `file://${lab.write('b', noise(200 * BLOCK, 'b'))}`, 'b']);
    while (lab.versions().length < 2) await sleep(20);
    const { code, stdout } = await lab.run(['scrub', '--all']);
    running.kill('SIGKILL');
    await running.ended;
    expect(stdout).toMatch(/WARNING: Version \S+ \(b\) was skipped: Version \S+ is locked/);
    expect(code).toBe(0);
  });
});

test.each([
  [['scrub'], 'scrub needs <version_uid>'],
  [['scrub', 'x', '--all'], 'scrub takes only one of a version uid, --all'],
  [['scrub', '--oldest', '5', '--coverage'], 'only one of --oldest, --coverage'],
  [['scrub', '--all', '--name', 'x'], '--all already includes every version'],
  [['scrub', '--all', '-s', 'file:///x'], '-s cannot be combined with --all: it compares one version'],
  [['scrub', '--oldest', '5', '-p', '5'], '-p cannot be combined with --oldest: it picks blocks of a version'],
  [['scrub', 'x', '--days', '5'], '--days needs --coverage'],
  [['scrub', '--oldest', '101'], '--oldest takes a number from 0 to 100'],
  [['scrub', '--budget', '5x'], '--budget takes a time with s, m, h or d'],
  [['scrub', '--coverage', '--days', '0'], '--days takes numbers of days'],
])('%j is a usage error', async (words, said) => {
  const { code, stderr } = await lab.run(words);
  expect(stderr).toContain(said);
  expect(code).toBe(2);
});

function flipByte(blob: StoredBlob): void {
  const bytes = blob.read();
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  blob.write(bytes);
}
