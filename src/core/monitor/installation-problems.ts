import { EXIT_CODES } from '../../errors.ts';
import { toSecondsText } from '../../model/dates.ts';
import { isPatternJob, type JobSettings } from '../../model/job.ts';
import type { RunRecord, SpaceRecord } from '../../model/run-record.ts';
import type { SchedulerSettings } from '../../model/scheduler.ts';
import { type Problem, worstFirst } from './state.ts';

const DAY_SECONDS = 86_400;
/** Fraction of the blobs that should have been verified in a period. */
const ENOUGH = 0.9;

/** All that is known of an installation as a whole. */
export interface InstallationFacts {
  settings: JobSettings & Pick<SchedulerSettings, 'brokenSchedulers'>;
  records: readonly RunRecord[];
  /** Oldest first. */
  space: readonly SpaceRecord[];
}

/** Problems of the installation rather than of one name, worst first. */
export function installationProblems({ settings, records, space }: InstallationFacts): Problem[] {
  return worstFirst([
    ...[...settings.brokenJobs, ...settings.brokenSchedulers].map(
      ({ problem }): Problem => ({ state: 'unknown', text: problem }),
    ),
    ...records.flatMap((record) => recordProblems(record, settings)),
    ...badBlobs(space.at(-1)),
    ...coverageProblems(settings, space),
  ]);
}

/** A step of the upkeep, or the listing of a job's images, that failed. */
function recordProblems({ kind, name, job, ...record }: RunRecord, { jobs }: JobSettings): Problem[] {
  const isListing = kind === 'job' && jobs.some((one) => one.key === job && name === job && isPatternJob(one));
  if (record.failures === 0 || (kind !== 'step' && !isListing)) return [];
  // SLA breaches are problems of names.
  if (kind === 'step' && name === 'sla' && record.exitCode === 0) return [];
  const what = isListing ? `Images of job ${job}` : `Step ${name}`;
  const text = `${what}: ${record.problem ?? `exit code ${record.exitCode}`} (since ${toSecondsText(record.succeeded ?? record.started)})`;
  return [{ state: record.exitCode === EXIT_CODES.blocksBad ? 'critical' : 'warning', text }];
}

function badBlobs(last: SpaceRecord | undefined): Problem[] {
  const bad = last?.verification?.bad ?? 0;
  return bad === 0 ? [] : [{ state: 'critical', text: `Blobs found bad by their last verification: ${bad}.` }];
}

/**
 * Verification that lags behind: a round of `[run] scrub` takes 100 / percent upkeeps. Judged only
 * once there were measurements for as long.
 */
function coverageProblems({ run }: JobSettings, space: readonly SpaceRecord[]): Problem[] {
  const [first, last] = [space[0], space.at(-1)];
  const verification = last?.verification;
  if (run.scrubPercent === undefined || first === undefined || last === undefined || verification == null) return [];
  const roundDays = ((100 / run.scrubPercent) * run.upkeepSeconds) / DAY_SECONDS;
  // Half a round more, for upkeeps that were missed.
  const period = verification.verified.find(({ days }) => days >= 1.5 * roundDays);
  if (period === undefined || (last.date.getTime() - first.date.getTime()) / 1000 < period.days * DAY_SECONDS) return [];
  if (period.blobs >= ENOUGH * verification.blobs) return [];
  const percent = Math.floor((100 * period.blobs) / verification.blobs);
  return [{ state: 'warning', text: `Only ${percent}% of the blobs were verified in the last ${period.days} days.` }];
}
