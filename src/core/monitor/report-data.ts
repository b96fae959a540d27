import type { Verification } from '../../model/run-record.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { reportCoverage } from '../reports/coverage.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { activityByDay, activityByName, type DayActivity, type NameActivity } from './activity.ts';
import { type Calendar, calendarOf, calendarStart } from './calendar.ts';
import { type FreedVersion, mostFreed } from './freed.ts';
import { type StatusReport, statusOf } from './status.ts';

/** Periods of the verification coverage. */
const COVERAGE_DAYS = [1, 7, 30, 90];

/** The extent of a report. */
export interface ReportRequest {
  /** Leave out what reads all blocks of the database: {@link ReportData.freed}, a new coverage. */
  quick: boolean;
}

/** Verification coverage at some time. */
export interface ReportCoverage extends Verification {
  date: Date;
  /** The verification that is longest ago. Null: none, or not known. */
  oldest: Date | null;
}

/** Everything that a report shows. */
export interface ReportData {
  status: StatusReport;
  /** Sorted by name, then date. */
  versions: readonly TaggedVersion[];
  calendar: Calendar;
  byDay: readonly DayActivity[];
  byName: readonly NameActivity[];
  /** Undefined: it was not measured. */
  coverage: ReportCoverage | undefined;
  /** Undefined: left out. */
  freed: readonly FreedVersion[] | undefined;
}

/**
 * Gathers the data of a report, and changes nothing. Costs what `status`, `stats`, `scrub
 * --coverage` and `du` of all versions cost; the last two only without `quick`.
 */
export async function gatherReport(context: Context, { quick }: ReportRequest): Promise<ReportData> {
  await checkInstallationFree(context.locks);
  const status = await statusOf(context);
  const now = status.at;
  const versions = await context.meta.listVersions({});
  const stats = await context.meta.listStats({ endedSince: calendarStart(now) });
  return {
    ...{ status, versions },
    calendar: calendarOf({ versions, stats }, now),
    byDay: activityByDay(stats, now),
    byName: activityByName(stats),
    coverage: quick ? recordedCoverage(status) : await measuredCoverage(context, now),
    freed: quick ? undefined : await mostFreed(context, versions),
  };
}

/** The coverage that `run` measured last. */
function recordedCoverage({ space }: StatusReport): ReportCoverage | undefined {
  const last = space.findLast(({ verification }) => verification !== undefined);
  return last?.verification === undefined ? undefined : { ...last.verification, date: last.date, oldest: null };
}

async function measuredCoverage(context: Context, date: Date): Promise<ReportCoverage> {
  const rows = await reportCoverage(context, COVERAGE_DAYS);
  const { blobs = 0, bad = 0, never = 0, oldest = null } = rows[0] ?? {};
  return { date, blobs, bad, never, oldest, verified: rows.map(({ days, verified }) => ({ days, blobs: verified })) };
}
