import { describe, expect, it } from 'vitest';
import { judgeName, type NameFacts } from '../../../../src/core/monitor/judge-name.ts';
import type { NameStatus } from '../../../../src/core/monitor/name-status.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';
import type { TaggedVersion } from '../../../../src/model/version.ts';

const HOUR = 3600;
const AT = new Date('2026-11-23T12:00:00Z');
const HOURLY: Scheduler = { name: 'hourly', intervalSeconds: HOUR, keep: 1, slaSeconds: HOUR / 2 };
const DAILY: Scheduler = { name: 'daily', intervalSeconds: 24 * HOUR, keep: 1, slaSeconds: 6 * HOUR };
const NEVER: Scheduler = { name: 'never', intervalSeconds: 24 * HOUR, keep: 0, slaSeconds: HOUR };

/** The time this many hours before now. */
function ago(hours: number): Date {
  return new Date(AT.getTime() - Math.round(hours * HOUR * 1000));
}

function version(hours: number, { valid = true, tags = ['daily'] } = {}): TaggedVersion {
  const more = { snapshotName: '', size: 1, sizeBytes: 4096, protected: false, expire: null };
  return { uid: `v${hours}`, date: ago(hours), name: 'web', valid, tags, ...more };
}

function judge(facts: Partial<NameFacts>): NameStatus {
  return judgeName({
    ...{ name: 'web', versions: [], since: undefined, at: AT, jobs: ['web'], schedulers: [DAILY], configProblems: [] },
    ...{ damaged: [], badBlocks: 0, lastProblem: null },
    ...facts,
  });
}

/** State and first words of each problem. */
function problemsOf({ problems }: NameStatus): string[] {
  return problems.map(({ state, text }) => `${state}: ${text}`);
}

describe('a name that is backed up in time', () => {
  it('is ok, with the dates that follow from its newest valid version', () => {
    const status = judge({ versions: [version(25), version(2), version(1, { valid: false })] });
    expect(status).toMatchObject({ state: 'ok', problems: [], breaches: [], jobs: ['web'], schedulers: ['daily'] });
    expect(status).toMatchObject({ versions: 3, invalid: 1, ageSeconds: 2 * HOUR, newest: { uid: 'v2' } });
    expect(status.nextDue).toEqual(ago(2 - 18));
    expect(status.deadline).toEqual(ago(2 - 30));
  });

  it.each([
    [27, 'ok', 'half of the sla is over'],
    [27.01, 'warning', 'more than half'],
    [30, 'warning', 'the last moment of the SLA'],
    [30.01, 'critical', 'too old'],
  ])('is after %d hours %s: %s', (hours, state) => {
    const status = judge({ versions: [version(hours)] });
    expect(status.state).toBe(state);
    if (state === 'warning') expect(problemsOf(status)[0]).toMatch(/^warning: daily: The backup expected at .* is late/);
    if (state === 'critical')
      expect(problemsOf(status)).toEqual(['critical: daily: The latest backup is too old since 2026-11-23 11:59:24.']);
  });

  it('is as bad as the worst of its schedulers says', () => {
    const versions = [version(3, { tags: ['hourly', 'daily'] })];
    const status = judge({ versions, schedulers: [DAILY, HOURLY] });
    expect(problemsOf(status)).toEqual(['critical: hourly: The latest backup is too old since 2026-11-23 10:30:00.']);
    expect(status.deadline).toEqual(ago(1.5));
    expect(judge({ versions }).state).toBe('ok');
  });
});

describe('a name without a version that counts', () => {
  it('is critical without any valid version, and due now', () => {
    const status = judge({ versions: [version(1, { valid: false })] });
    expect(problemsOf(status)).toEqual(['critical: There is no valid version.']);
    expect(status).toMatchObject({ newest: undefined, ageSeconds: null, nextDue: AT, deadline: null });
  });

  it('is critical if a scheduler lost its last version and the newest of all is too old for it', () => {
    const [old, young] = [version(40, { tags: ['monthly'] }), version(20, { tags: ['monthly'] })];
    expect(problemsOf(judge({ versions: [old] }))[0]).toMatch(/^critical: daily: The latest backup is too old/);
    expect(problemsOf(judge({ versions: [young] }))).toEqual(['warning: daily: Too few backups. Found 0, should be 1.']);
  });

  it('is only a warning if no scheduler wants one, and ok at any age with one', () => {
    expect(problemsOf(judge({ schedulers: [] }))).toEqual(['warning: There is no valid version.']);
    const status = judge({ schedulers: [], versions: [version(9999)] });
    expect(status).toMatchObject({ state: 'ok', nextDue: null, deadline: null });
  });

  it('has no due date from a scheduler that keeps nothing', () => {
    expect(judge({ schedulers: [NEVER], versions: [version(99)] })).toMatchObject({ nextDue: null, deadline: null });
  });
});

describe('other problems', () => {
  it('of kinds of breaches are a warning, one for each scheduler and kind', () => {
    const versions = [5, 4, 3, 2, 1].map((hours) => version(hours));
    expect(problemsOf(judge({ versions, schedulers: [{ ...DAILY, keep: 2 }] }))).toEqual([
      'warning: daily: Too many backups. Found 5, should be 2.',
      'warning: daily: Versions made too early or too late: 4.',
    ]);
  });

  it('put a version of the future aside: its date says nothing', () => {
    const status = judge({ versions: [version(2), version(-3)] });
    expect(status.newest?.uid).toBe('v2');
    expect(problemsOf(status)).toContain('warning: daily: A version is dated in the future.');
    const only = judge({ versions: [version(-3)] });
    expect(only).toMatchObject({ state: 'warning', ageSeconds: 0, newest: { uid: 'v-3' } });
  });

  it('are damaged versions, which are critical, worst first', () => {
    const damaged = [version(50, { valid: false }), version(26, { valid: false })];
    const lastProblem = { date: ago(1), text: 'no space', failures: 3 };
    const status = judge({ versions: [...damaged, version(1)], damaged, badBlocks: 7, lastProblem });
    expect(problemsOf(status)).toEqual([
      'critical: Version v26 is damaged (bad blocks: 7). Damaged versions: 2.',
      'warning: Failed 3 times: no space',
    ]);
    expect(status).toMatchObject({ state: 'critical', damaged: ['v50', 'v26'], badBlocks: 7 });
  });

  it('are schedulers that the configuration lacks: unknown, after what is known to be critical', () => {
    const configProblems = [{ state: 'unknown' as const, text: 'There is no scheduler "x".' }];
    const versions = [version(1)];
    expect(judge({ versions, configProblems }).state).toBe('unknown');
    expect(judge({ configProblems }).problems.map(({ state }) => state)).toEqual(['critical', 'unknown']);
  });
});
