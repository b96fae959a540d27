import { activityByDay, activityByName } from '../../../src/core/monitor/activity.ts';
import { calendarOf } from '../../../src/core/monitor/calendar.ts';
import type { NameStatus } from '../../../src/core/monitor/name-status.ts';
import type { ReportData } from '../../../src/core/monitor/report-data.ts';
import { compareStates, type Problem, type State } from '../../../src/core/monitor/state.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { BackupStats } from '../../../src/model/reports.ts';
import type { SpaceRecord } from '../../../src/model/run-record.ts';
import type { TaggedVersion } from '../../../src/model/version.ts';

const DAY_MS = 86_400_000;
const GIB = 2 ** 30;

export const SAMPLE_NOW = new Date('2026-11-30T06:15:00Z');

/** The data of a report about an installation of this size, always the same. */
export function sampleReport({ names, versionsPerName }: { names: number; versionsPerName: number }): ReportData {
  const now = SAMPLE_NOW;
  const titles = Array.from({ length: names }, (_, index) => nameOf(index));
  const versions = titles.flatMap((name, index) => versionsOf(name, index, versionsPerName));
  const stats = titles.flatMap((name, index) => statsOf(name, index));
  const statuses = titles.map((name, index) =>
    statusOf(name, index, versions.slice(index * versionsPerName, (index + 1) * versionsPerName)),
  );
  statuses.sort((a, b) => compareStates(a.state, b.state));
  const newest = new Set(statuses.map((status) => status.newest?.uid));
  const run = {
    kind: 'run',
    name: 'backup1',
    job: '',
    host: 'backup1',
    failures: 0,
    exitCode: 0,
    problem: null,
    reported: null,
    hook: null,
  } as const;
  const ended = new Date(now.getTime() - 200_000);
  return {
    status: {
      at: now,
      state: 'critical',
      names: statuses,
      problems: [
        {
          state: 'critical',
          text: 'Step scrub: 2 blobs are bad. Versions that hold them are invalid now. (since 2026-11-29 03:51:00)',
        },
      ],
      records: [{ ...run, started: ended, ended, succeeded: ended }],
      space: spaceOf(names, versionsPerName),
    },
    versions,
    calendar: calendarOf({ versions, stats }, now),
    byDay: activityByDay(stats, now),
    byName: activityByName(stats),
    coverage: {
      ...{ date: now, blobs: 1_234_567, never: 1200, bad: 2, oldest: null },
      verified: [1, 7, 30, 90].map((days) => ({ days, blobs: Math.round(1_234_567 * Math.min(1, days / 28)) })),
    },
    freed: versions
      .filter(({ valid }) => valid)
      .slice(0, 50)
      .map((version, index) => ({ version, freedBytes: (40 * GIB) / (index + 1), isNewest: newest.has(version.uid) })),
  };
}

/** A measurement a day. */
function spaceOf(names: number, versionsPerName: number): SpaceRecord[] {
  return Array.from({ length: 200 }, (_, index) => ({
    date: new Date(SAMPLE_NOW.getTime() - (199 - index) * DAY_MS - 20_000_000),
    virtual: names * 60 * GIB,
    real: names * GIB * (30 + index / 10 + wave(index, 9)),
    stored: names * GIB * (9 + index / 40 + wave(index, 30)),
    versions: Math.round(names * versionsPerName * (0.8 + index / 1000)),
    names,
    kinds: {},
  }));
}

function nameOf(index: number): string {
  return `${['db', 'web', 'mail', 'build', 'files'][index % 5]}-${Math.floor(index / 5)}`;
}

function wave(index: number, length: number): number {
  return Math.sin((2 * Math.PI * index) / length);
}

function versionsOf(name: string, seed: number, count: number): TaggedVersion[] {
  return Array.from({ length: count }, (_, index) => ({
    uid: `${String(seed).padStart(8, '0')}-1a2b-11f1-9c3d-${String(index).padStart(12, '0')}`,
    date: new Date(
      SAMPLE_NOW.getTime() - (count - 1 - index) * DAY_MS - (seed % 7) * 3_000_000 - (seed === 0 ? 3.4 * DAY_MS : 0),
    ),
    name,
    snapshotName: '',
    size: 15_360,
    sizeBytes: (10 + (seed % 9) * 10) * GIB,
    valid: !((seed === 1 && index === count - 1) || (seed === 6 && index === 3)),
    protected: seed === 3 && index === 0,
    expire: seed % 4 === 3 ? null : new Date(SAMPLE_NOW.getTime() + (index + 1) * DAY_MS),
    tags: ['daily'],
  }));
}

function statsOf(name: string, seed: number): BackupStats[] {
  return Array.from({ length: 88 }, (_, index) => ({
    date: new Date(SAMPLE_NOW.getTime() - (87 - index) * DAY_MS - (seed % 7) * 2_900_000),
    versionUid: `${seed}-${index}`,
    name,
    size: 15_360,
    sizeBytes: 60 * GIB,
    counters: {
      ...NO_COUNTS,
      bytesRead: GIB * (2 + (seed % 5) + wave(index, 7)),
      bytesWritten: GIB * (0.4 + (seed % 3) / 5 + 0.2 * wave(index + seed, 7)),
      durationSeconds: 20 + (seed % 11) * 30 + 8 * wave(index, 7),
    },
  })).filter((_, index) => (index + seed) % 23 !== 0);
}

function statusOf(name: string, seed: number, versions: readonly TaggedVersion[]): NameStatus {
  const newest = versions.filter(({ valid }) => valid).at(-1);
  const state: State = seed === 0 ? 'critical' : seed === 1 || seed % 20 === 7 ? 'warning' : 'ok';
  const text = 'Cannot open image vms/db-0: No such file or directory.';
  const lastProblem = seed === 0 ? { date: new Date(SAMPLE_NOW.getTime() - 900_000), text, failures: 7 } : null;
  const breaches = BREACHES[state].map(([scheduler, breach]) => ({
    name,
    scheduler,
    kind: 'too_few' as const,
    breach: `${scheduler}: ${breach}`,
  }));
  const problems: Problem[] = breaches.map(({ breach }) => ({
    state: state === 'critical' ? 'critical' : 'warning',
    text: breach,
  }));
  return {
    ...{ name, state, newest, lastProblem, breaches, problems },
    ...{ jobs: [name], schedulers: ['daily', 'weekly'], damaged: [], badBlocks: 0, deadline: null },
    versions: versions.length,
    invalid: versions.filter(({ valid }) => !valid).length,
    ageSeconds: newest === undefined ? null : (SAMPLE_NOW.getTime() - newest.date.getTime()) / 1000,
    nextDue: new Date(SAMPLE_NOW.getTime() + (seed === 0 ? -2.3 * DAY_MS : (seed % 30) * 2_000_000 + 60_000)),
  };
}

const BREACHES: Record<State, readonly (readonly [scheduler: string, breach: string])[]> = {
  critical: [
    [
      'daily',
      'Latest backup is too old. Version 00000000-1a2b-11f1-9c3d-000000000006 has date 2026-11-26 20:39:00, new backup due since 2026-11-28 02:39:00.',
    ],
    ['daily', 'Too few backups. Found 3, should be 7.'],
  ],
  warning: [['weekly', 'Too few backups. Found 3, should be 4.']],
  unknown: [],
  ok: [],
};
