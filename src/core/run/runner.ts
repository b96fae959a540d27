import { setTimeout as sleep } from 'node:timers/promises';
import { LOCK_NAMES } from '../../locking/lock.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { Context } from '../context.ts';
import { plusSeconds } from '../reports/schedulers.ts';
import { checkInstallationFree, describeHolders, holding } from '../versions/locks.ts';
import { CurrentPlan } from './current-plan.ts';
import { settleFailed } from './dead-jobs.ts';
import type { Executor, JobItem, JobOutcome, RunRow, RunSummary } from './executor.ts';
import { exitCodeOf } from './exit-code.ts';
import { forgetOldRecords, recordBroken } from './job-upkeep.ts';
import { type KnownJobs, type RunSurroundings, readJobs, surroundingsOf } from './plan-input.ts';
import { reportOf } from './problems.ts';
import { doUpkeep, dueSteps, isUpkeepLate } from './upkeep.ts';

/** Reports while jobs run come no more often than this. */
const REPORT_SECONDS = 5 * 60;
/** With all places taken, only the upkeep may have to begin. */
const BUSY_SECONDS = 5 * 60;
/** From one upkeep to the next in a run. It may have been another host's turn. */
const UPKEEP_AGAIN_SECONDS = 3600;

/** Choice of jobs and upkeep. */
export interface RunRequest {
  /** Keys of jobs; undefined or empty: all. */
  jobs?: readonly string[] | undefined;
  /** Whether steps of the upkeep are done when they are due. */
  upkeep: boolean;
}

/** Parts that tests replace. */
export interface RunnerParts extends RunSurroundings {
  /** Waits for some seconds, or less. */
  wait(seconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * Makes the backups that are due, then the upkeep, and reports problems
 * (docs/spec/semantics.md §18). Does nothing while another run works on this host. Rejects if it is
 * stopped, after the jobs that run have ended.
 * @throws BackyError for an unknown job, or while a command has the whole installation.
 */
export async function runJobs(
  context: Context,
  executor: Executor,
  request: RunRequest,
  parts: Partial<RunnerParts> = {},
): Promise<RunSummary> {
  const around: RunnerParts = { ...surroundingsOf(context), wait: waitFor, ...parts };
  await checkInstallationFree(context.locks);
  const lockName = `${LOCK_NAMES.run}-${around.host.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 100)}`;
  const lock = await context.locks.tryAcquire(lockName, 'exclusive');
  if (lock === undefined) return { rows: [], exitCode: 0, otherRun: await describeHolders(context.locks, lockName) };
  return holding([async () => lock], async () => {
    const known = await readJobs(context, around, request.jobs);
    return new Runner(context, executor, { request, around, known }).run();
  });
}

async function waitFor(seconds: number, signal: AbortSignal): Promise<void> {
  // The caller sees an abort itself.
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {});
}

class Runner {
  readonly #context: Context;
  readonly #executor: Executor;
  readonly #request: RunRequest;
  readonly #around: RunnerParts;
  readonly #known: KnownJobs;
  readonly #rows: RunRow[] = [];
  /** Lines of steps for a report. */
  readonly #lines = new Map<string, readonly string[]>();
  /** Jobs at work, by name. */
  readonly #jobs = new Map<string, Promise<void>>();
  /** Names that are not tried again before a time. */
  readonly #notBefore = new Map<string, Date>();
  /** Names of which `after` was run that an earlier attempt had left. */
  readonly #recovered = new Set<string>();
  readonly #plan: CurrentPlan;
  readonly #began: Date;
  #upkeep: Promise<void> | undefined;
  #upkeepBegan = new Date(0);
  /** When it was last looked whether the upkeep is late. */
  #lookedAt = new Date(0);
  #reporting: Promise<void> | undefined;
  #reportedAt = new Date(0);
  /** Rows when problems were last looked for. */
  #rowsLookedAt = 0;
  /** Why the run must end. */
  #failure: { error: unknown } | undefined;

  constructor(
    context: Context,
    executor: Executor,
    { request, around, known }: { request: RunRequest; around: RunnerParts; known: KnownJobs },
  ) {
    this.#context = context;
    this.#executor = executor;
    this.#request = request;
    this.#around = around;
    this.#known = known;
    this.#plan = new CurrentPlan(context, around, known);
    this.#began = context.now();
  }

  async run(): Promise<RunSummary> {
    const { signal, meta } = this.#context;
    await this.#plan.read();
    await this.#noteBroken();
    for (;;) {
      if (!this.#mustStop()) await this.#guard(() => this.#startMore());
      this.#reportSometimes();
      const others = [this.#upkeep, this.#reporting].filter((work) => work !== undefined);
      const atWork = [...this.#jobs.values(), ...others];
      if (atWork.length === 0) break;
      await this.#waitForAny(atWork);
    }
    if (this.#failure === undefined && !signal.aborted) {
      await this.#tidy();
      await this.#report();
    }
    const summary = this.#summary();
    if (this.#known.areAll)
      await meta.putRunRecord(this.#runRecord(summary.exitCode, await meta.findRunRecord({ kind: 'run', name: 'run' })));
    if (this.#failure !== undefined) throw this.#failure.error;
    signal.throwIfAborted();
    return summary;
  }

  #mustStop(): boolean {
    return this.#failure !== undefined || this.#context.signal.aborted;
  }

  /** A failure of the database ends the run, once the jobs that work have ended. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Wakes up now and then, since more becomes due while a long job runs. */
  async #waitForAny(atWork: readonly Promise<void>[]): Promise<void> {
    const waiting = new AbortController();
    const signal = AbortSignal.any([waiting.signal, this.#context.signal]);
    const isFull = this.#jobs.size >= this.#context.settings.run.parallel;
    const seconds = isFull ? BUSY_SECONDS : Math.max(1, this.#plan.secondsToMore());
    const woken = this.#mustStop() ? [] : [this.#around.wait(seconds, signal)];
    await Promise.race([...atWork, ...woken]);
    waiting.abort();
  }

  async #startMore(): Promise<void> {
    const { parallel } = this.#context.settings.run;
    while (this.#jobs.size < parallel && !this.#mustStop()) {
      const next = await this.#plan.next((item) => this.#mayStart(item));
      // It may have been stopped meanwhile.
      if (next === undefined || this.#mustStop()) break;
      this.#start(next);
    }
    await this.#startUpkeep();
  }

  #mayStart({ name, schedulers }: JobItem): boolean {
    if (this.#jobs.has(name)) return false;
    if (schedulers.length === 0) return !this.#recovered.has(name);
    const notBefore = this.#notBefore.get(name);
    return notBefore === undefined || notBefore <= this.#context.now();
  }

  #start(item: JobItem): void {
    const { name } = item;
    const started = this.#context.now();
    const startMs = performance.now();
    const work = this.#guard(async () => {
      const outcome = await this.#executor.execute(item);
      this.#rows.push(rowOf(item, outcome, { started, seconds: (performance.now() - startMs) / 1000 }));
      const attempt = { kind: 'job', name, job: item.job.key, host: this.#around.host, now: started } as const;
      if (outcome.state === 'failed') await settleFailed(this.#context, attempt, outcome);
      await this.#plan.readName(name);
    });
    if (item.schedulers.length === 0) this.#recovered.add(name);
    else this.#notBefore.set(name, this.#pauseAfter(item, started));
    this.#jobs.set(
      name,
      work.finally(() => this.#jobs.delete(name)),
    );
  }

  /** A backup that stays due, for whatever reason, must not be made without end. */
  #pauseAfter({ job }: JobItem, started: Date): Date {
    const known = this.#known.jobs.find((entry) => entry.job === job)?.schedulers ?? [];
    const shortest = Math.min(...known.map(({ intervalSeconds }) => intervalSeconds));
    return plusSeconds(started, Math.max(60, shortest / 4));
  }

  async #startUpkeep(): Promise<void> {
    const { settings, meta, now } = this.#context;
    const again = plusSeconds(this.#upkeepBegan, UPKEEP_AGAIN_SECONDS);
    if (!this.#request.upkeep || this.#upkeep !== undefined || again > now()) return;
    const isIdle = this.#jobs.size === 0;
    if (!isIdle && plusSeconds(this.#lookedAt, BUSY_SECONDS) > now()) return;
    this.#lookedAt = now();
    const records = await meta.runRecords();
    if (dueSteps(settings.run, records, now()).length === 0) return;
    const times = { now: now(), began: this.#began };
    if (this.#mustStop() || (!isIdle && !isUpkeepLate(settings.run, records, times))) return;
    this.#upkeepBegan = now();
    const { host } = this.#around;
    const onStep = (row: RunRow, lines: readonly string[]) => {
      this.#rows.push(row);
      this.#lines.set(row.name, lines);
    };
    this.#upkeep = this.#guard(() => doUpkeep(this.#context, { executor: this.#executor, host, onStep })).finally(() => {
      this.#upkeep = undefined;
    });
  }

  async #noteBroken(): Promise<void> {
    const { now, logger } = this.#context;
    for (const { state, name, job, reason } of this.#plan.entries) {
      if (state !== 'broken') continue;
      logger.error(`${name}: ${reason}`);
      this.#rows.push({
        ...{ kind: 'job', name, job, state: 'failed', uid: null, started: null, durationSeconds: null },
        ...{ bytesRead: null, bytesWritten: null, exitCode: 1, problem: reason },
      });
      await recordBroken(this.#context, { name, job, host: this.#around.host, now: now(), problem: reason });
    }
  }

  /** Adds what still waits after a failure, and forgets names that no job has any more. */
  async #tidy(): Promise<void> {
    if (this.#rows.length > 0) await this.#plan.read();
    const { meta } = this.#context;
    const records = await meta.runRecords();
    const tried = new Set(this.#rows.filter(({ kind }) => kind === 'job').map(({ name }) => name));
    for (const { state, name, job } of this.#plan.entries) {
      const failed = records.find((record) => record.kind === 'job' && record.name === name && record.failures > 0);
      if (state !== 'waits' || failed === undefined || tried.has(name)) continue;
      this.#rows.push({
        ...{ kind: 'job', name, job, state: 'waits', uid: null, started: null, durationSeconds: null },
        ...{ bytesRead: null, bytesWritten: null, exitCode: 0, problem: failed.problem },
      });
    }
    if (this.#known.areAll) await forgetOldRecords(this.#context, { plan: this.#plan.entries, records, host: this.#around.host });
  }

  /** While something works: the rest may take hours. */
  #reportSometimes(): void {
    const isAtWork = this.#jobs.size > 0 || this.#upkeep !== undefined;
    const again = plusSeconds(this.#reportedAt, REPORT_SECONDS);
    if (!isAtWork || this.#mustStop() || this.#reporting !== undefined || again > this.#context.now()) return;
    if (this.#rows.length === this.#rowsLookedAt) return;
    this.#rowsLookedAt = this.#rows.length;
    this.#reporting = this.#guard(() => this.#report()).finally(() => {
      this.#reporting = undefined;
    });
  }

  async #report(): Promise<void> {
    const { meta, now } = this.#context;
    const report = reportOf(await meta.runRecords(), { now: now(), lines: this.#lines });
    if (report.problems.length + report.resolved.length === 0) return;
    this.#reportedAt = now();
    if (!(await this.#executor.report(report))) return;
    await meta.setReported(report.problems, now());
    await meta.setReported(report.resolved, null);
  }

  #summary(): RunSummary {
    return { rows: this.#rows, exitCode: exitCodeOf(this.#rows), otherRun: null };
  }

  #runRecord(exitCode: number, before: RunRecord | undefined): RunRecord {
    const { now, signal } = this.#context;
    const isGood = exitCode === 0 && this.#failure === undefined && !signal.aborted;
    return {
      ...{ kind: 'run', name: 'run', job: '', host: this.#around.host, started: this.#began, ended: now() },
      ...{ succeeded: isGood ? now() : (before?.succeeded ?? null), failures: isGood ? 0 : (before?.failures ?? 0) + 1 },
      ...{ exitCode, problem: null, reported: null, hook: null },
    };
  }
}

function rowOf(
  { name, job }: JobItem,
  { state, uid, bytesRead, bytesWritten, exitCode, problem }: JobOutcome,
  { started, seconds }: { started: Date; seconds: number },
): RunRow {
  return {
    ...{ kind: 'job', name, job: job.key, state, uid, started, durationSeconds: seconds },
    ...{ bytesRead, bytesWritten, exitCode, problem },
  };
}
