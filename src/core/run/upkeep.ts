import { EXIT_CODES } from '../../errors.ts';
import { LOCK_NAMES } from '../../locking/lock.ts';
import { isFromFuture } from '../../model/clock.ts';
import type { RunSettings } from '../../model/job.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { Context } from '../context.ts';
import { plusSeconds } from '../reports/schedulers.ts';
import { holding } from '../versions/locks.ts';
import { retryAt } from './backoff.ts';
import { type Executor, type RunRow, STEPS, type StepName } from './executor.ts';
import { begun, finished } from './job-record.ts';

/** A step is done again this much before its interval is over, so that it keeps its time of day. */
const EARLIER = 1 / 24;

/** The steps to do now, in their order. */
export function dueSteps(settings: RunSettings, records: readonly RunRecord[], now: Date): StepName[] {
  return STEPS.filter((name) => {
    if (!isEnabled(name, settings)) return false;
    const record = records.find((one) => one.kind === 'step' && one.name === name);
    return isStepDue(record, settings, now);
  });
}

/**
 * Whether steps were due so long ago that they no longer wait for the end of all jobs. The first
 * ones are due since the run began.
 */
export function isUpkeepLate(settings: RunSettings, records: readonly RunRecord[], { now, began }: RunTimes): boolean {
  const before = plusSeconds(now, -settings.upkeepSeconds);
  const isKnown = records.some(({ kind }) => kind === 'step');
  return isKnown ? dueSteps(settings, records, before).length > 0 : began <= before;
}

/** The time, and when the run began. */
interface RunTimes {
  now: Date;
  began: Date;
}

function isEnabled(name: StepName, { prune, scrubPercent }: RunSettings): boolean {
  if (name === 'scrub') return scrubPercent !== undefined;
  return prune !== 'no' || (name !== 'prune' && name !== 'cleanup');
}

function isStepDue(record: RunRecord | undefined, { upkeepSeconds }: RunSettings, now: Date): boolean {
  if (record === undefined || isFromFuture(record.started, now)) return true;
  // Breaches of SLAs and bad data are problems, but no failures of their steps. A scrub that is
  // done again would take other blobs, and its success would look like the end of the problem.
  const hasFailed = ![0, EXIT_CODES.blocksBad].includes(record.exitCode) || record.ended === null;
  if (hasFailed) return retryAt({ ...record, failures: Math.max(1, record.failures) }, upkeepSeconds, now) === undefined;
  return plusSeconds(record.started, upkeepSeconds * (1 - EARLIER)) <= now;
}

/** The surroundings of an upkeep. */
export interface Upkeep {
  executor: Executor;
  host: string;
  /** Gets each step's row once it has ended, and its lines for a report. */
  onStep(row: RunRow, lines: readonly string[]): void;
}

/**
 * Does the steps that are due, one after the other; a failure does not stop the others. Does
 * nothing while another host does its upkeep.
 */
export async function doUpkeep(context: Context, { executor, host, onStep }: Upkeep): Promise<void> {
  const { locks, meta, settings, now, signal } = context;
  const lock = await locks.tryAcquire(LOCK_NAMES.upkeep, 'exclusive');
  if (lock === undefined) return;
  await holding([async () => lock], async () => {
    for (const name of dueSteps(settings.run, await meta.runRecords(), now())) {
      if (signal.aborted) return;
      const before = await meta.findRunRecord({ kind: 'step', name });
      const record = begun(before, { kind: 'step', name, job: '', host, now: now() });
      await meta.putRunRecord(record);
      const startMs = performance.now();
      const outcome = signal.aborted ? undefined : await executor.step(name);
      // A step that was stopped is begun again by the next run.
      if (outcome === undefined || (signal.aborted && outcome.exitCode !== 0))
        return before === undefined ? meta.forgetRunRecords([record]) : meta.putRunRecord(before);
      const { exitCode, problem, lines = [] } = outcome;
      await meta.putRunRecord(finished(record, { exitCode, problem }, now()));
      onStep(
        {
          ...{ kind: 'step', name, job: '', state: exitCode === 0 ? 'done' : 'failed', uid: null, started: record.started },
          ...{ durationSeconds: (performance.now() - startMs) / 1000, bytesRead: null, bytesWritten: null, exitCode, problem },
        },
        lines,
      );
    }
  });
}
