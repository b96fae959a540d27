import { activityByDay, activityByName } from '../../../src/core/monitor/activity.ts';
import { calendarOf } from '../../../src/core/monitor/calendar.ts';
import type { NameState, NameStatus, ReportData } from '../../../src/core/monitor/report-data.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { BackupStats } from '../../../src/model/reports.ts';
import type { TaggedVersion } from '../../../src/model/version.ts';

const DAY_MS = 86_400_000;
const GIB = 2 ** 30;

export const SAMPLE_NOW = new Date('2026-11-30T06:15:00Z');

/** A report about installation of this size, the same each time. */
export function sampleReport({ names, versionsPerName }: { names: number; versionsPerName: number }): ReportData {
  const now = SAMPLE_NOW;
  const rows = Array.from({ length: names }, (_, index) => nameOf(index));
  const versions = rows.flatMap((name, index) => versionsOf(name, index, versionsPerName));
  const stats = rows.flatMap((name, index) => statsOf(name, index));
  const statuses = rows.map((name, index) => statusOf(name, index, versions));
  const order: NameState[] = ['critical', 'warning', 'unknown', 'ok'];
  return {
    now,
    host: 'backup1.example.org',
    runEnded: new Date(now.getTime() - 200_000),
    names: statuses.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)),
    versions,
    calendar: calendarOf({ versions, stats }, now),
    byDay: activityByDay(stats, now),
    byName: activityByName(stats),
    problems: [
      {
        ...{ kind: 'job', name: nameOf(0), job: nameOf(0), host: 'backup1', failures: 7, exitCode: 1 },
        started: new Date(now.getTime() - 900_000),
        succeeded: new Date(now.getTime() - 3.4 * DAY_MS),
        problem: 'Cannot open image vms/db-0: No such file or directory. List the images: rbd ls vms',
      },
      {
        ...{ kind: 'step', name: 'scrub', job: '', host: 'backup1', failures: 1, exitCode: 20 },
        started: new Date(now.getTime() - 3 * 3_600_000),
        succeeded: new Date(now.getTime() - 1.1 * DAY_MS),
        problem: '2 blobs are bad. Versions that hold them are invalid now.',
      },
    ],
    coverage: [1, 7, 30, 90].map((days) => ({
      ...{ days, blobs: 1_234_567, never: 1200, bad: 2, oldest: null, oldestUid: null },
      verified: Math.round(1_234_567 * Math.min(1, days / 28)),
      percent: Math.floor(Math.min(1, days / 28) * 1000) / 10,
    })),
    freed: versions
      .filter(({ valid }) => valid)
      .slice(0, 50)
      .map((version, index) => ({
        version,
        freedBytes: (40 * GIB) / (index + 1),
        isNewest: index % versionsPerName === versionsPerName - 1,
      }))
      .sort((a, b) => b.freedBytes - a.freedBytes),
    space: Array.from({ length: 200 }, (_, index) => ({
      date: new Date(now.getTime() - (199 - index) * DAY_MS - 20_000_000),
      virtual: names * 60 * GIB,
      real: names * GIB * (30 + index / 10 + wave(index, 9)),
      stored: names * GIB * (9 + index / 40 + wave(index, 30)),
      versions: Math.round(names * versionsPerName * (0.8 + index / 1000)),
      names,
      kinds: {},
    })),
  };
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
  const newest = versions.filter((version) => version.name === name && version.valid).at(-1);
  const state: NameState = seed === 0 ? 'critical' : seed === 1 || seed % 20 === 7 ? 'warning' : 'ok';
  const breach = `daily: Latest backup is too old. Version ${newest?.uid} has date 2026-11-26 20:39:00, new backup due since 2026-11-28 02:39:00.`;
  return {
    ...{ name, state, newestUid: newest?.uid ?? null, newestDate: newest?.date ?? null },
    nextDue:
      seed === 0
        ? new Date(SAMPLE_NOW.getTime() - 2.3 * DAY_MS)
        : new Date(SAMPLE_NOW.getTime() + (seed % 30) * 2_000_000 + 60_000),
    lastProblem: seed === 0 ? 'Cannot open image vms/db-0: No such file or directory.' : null,
    breaches:
      seed === 0
        ? [breach, 'daily: Too few backups. Found 3, should be 7.']
        : state === 'warning'
          ? ['weekly: Too few backups. Found 3, should be 4.']
          : [],
  };
}
