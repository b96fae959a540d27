import type { Job } from '../../model/job.ts';

/** The steps of the upkeep, in their order. */
export const STEPS = ['prune', 'cleanup', 'scrub', 'sla', 'space'] as const;

/** A step of the upkeep. */
export type StepName = (typeof STEPS)[number];

/** An image of a job: one name of versions. */
export interface JobImage {
  /** Of the versions. */
  name: string;
  /** Its source, without a pattern. */
  source: string;
}

/** A backup to make. */
export interface JobItem extends JobImage {
  job: Job;
  /** Schedulers that are due: the tags. Empty: only `after` of an attempt that died is to run. */
  schedulers: readonly string[];
  /** Null without schedulers. */
  expire: Date | null;
  /** The earliest time at which one of the schedulers became due. */
  dueSince: Date;
}

/**
 * How an attempt ended:
 * - `busy`: another process works on that name, and nothing was done
 * - `not due`: another process has made the backup meanwhile, and nothing was done
 */
export interface JobOutcome {
  state: 'done' | 'failed' | 'busy' | 'not due';
  /** Of the new version. */
  uid: string | null;
  bytesRead: number | null;
  bytesWritten: number | null;
  exitCode: number;
  /** One line; null if it went well. */
  problem: string | null;
}

/** How a step of the upkeep ended. */
export interface StepOutcome {
  exitCode: number;
  /** One line; null if it went well. A step `sla` with breaches has one, and exit code 0. */
  problem: string | null;
  /** More lines for the report of problems, such as the breaches. */
  lines?: readonly string[];
}

/** A problem for `on_problem`. */
export interface Problem {
  kind: 'job' | 'step';
  /** Of the versions, or of the step. */
  name: string;
  /** Empty for a step. */
  job: string;
  exitCode: number;
  message: string;
  lines: readonly string[];
  /** When it last went well; the last attempt if it never did. */
  since: Date;
  /** Failures since the last success. */
  failures: number;
}

/** Input of `on_problem`. */
export interface ProblemReport {
  /** New problems, and those that were reported over a day ago. */
  problems: readonly Problem[];
  /** Problems that were reported, and are over. */
  resolved: readonly Pick<Problem, 'kind' | 'name' | 'job'>[];
}

/** A run's effects on the world. Methods reject only if the run must end. */
export interface Executor {
  /**
   * Makes one backup, and records it. MUST do so in a {@link takeJobTurn}, so that no other process
   * does the same.
   */
  execute(item: JobItem): Promise<JobOutcome>;
  /** Does one step of the upkeep. */
  step(name: StepName): Promise<StepOutcome>;
  /** Passes problems on. @returns false if that failed: they are reported again next time. */
  report(report: ProblemReport): Promise<boolean>;
}

/** A row of a run's summary. */
export interface RunRow {
  kind: 'job' | 'step';
  name: string;
  /** Empty for a step. */
  job: string;
  state: JobOutcome['state'] | 'waits';
  uid: string | null;
  /** Null: it was not started. */
  started: Date | null;
  durationSeconds: number | null;
  bytesRead: number | null;
  bytesWritten: number | null;
  exitCode: number;
  problem: string | null;
}

/** The result of a run. */
export interface RunSummary {
  rows: RunRow[];
  /** 20 if any row has 20, else that of the first failure, else 0. */
  exitCode: number;
  /** Another run works on this host, so that this one did nothing: its holder, in words. */
  otherRun: string | null;
}
