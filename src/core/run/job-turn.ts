import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { BackyError, messageOf, messageWithHint } from '../../errors.ts';
import { LOCK_NAMES } from '../../locking/lock.ts';
import type { Job } from '../../model/job.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { Context } from '../context.ts';
import { backupFor, type DueBackup, dueChecks } from '../reports/due.ts';
import { describeHolders, holding } from '../versions/locks.ts';
import type { JobOutcome } from './executor.ts';
import { begun, finished, interrupted } from './job-record.ts';
import { schedulersOfJob } from './job-schedulers.ts';
import { timingOf } from './timing.ts';

/** Which backup of a job, and when it is made. */
export interface TurnRequest {
  job: Job;
  /** Of the versions. */
  name: string;
  /**
   * - `due`: if a scheduler is due, or `after` of an earlier attempt is left to run
   * - `force`: in any case, for all schedulers of the job
   * - `recover`: only `after` of an earlier attempt; no backup
   */
  mode: 'due' | 'force' | 'recover';
  host?: string;
}

/** An attempt that no other process makes at the same time. */
export interface JobTurn {
  /** Names of the schedulers to back up for, as tags. Empty: no backup is to be made. */
  schedulers: readonly string[];
  /** Null without schedulers. */
  expire: Date | null;
  /** `before` of an earlier attempt was begun, and its `after` has not ended. It MUST run first. */
  hookIsOpen: boolean;
  /** Records that `before` begins, or that `after` has ended. Durable on return. */
  setHook(hook: 'before' | null): Promise<void>;
}

/** How an attempt ended. */
export type TurnResult = Omit<JobOutcome, 'state'>;

/**
 * Makes an attempt, unless another process of any host works on this name, or has just made the
 * backup. Records that it begins, and how it ended. `attempt` MAY throw: that is a failure. Rejects
 * if it was interrupted.
 */
export async function takeJobTurn(
  context: Context,
  request: TurnRequest,
  attempt: (turn: JobTurn) => Promise<TurnResult>,
): Promise<JobOutcome> {
  const lockName = jobLock(request.name);
  const lock = await context.locks.tryAcquire(lockName, 'exclusive');
  if (lock === undefined) {
    const holders = await describeHolders(context.locks, lockName);
    return notDone('busy', `Another process works on ${request.name}: ${holders}`);
  }
  return holding([async () => lock], () => inTurn(context, request, attempt));
}

/** The lock of the jobs that make versions of a name. */
export function jobLock(name: string): string {
  return `${LOCK_NAMES.job}-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

async function inTurn(
  context: Context,
  request: TurnRequest,
  attempt: (turn: JobTurn) => Promise<TurnResult>,
): Promise<JobOutcome> {
  const { meta, now } = context;
  const { job, name, mode, host = hostname() } = request;
  const before = await meta.findRunRecord({ kind: 'job', name });
  const hookIsOpen = before?.hook === 'before';
  const due = mode === 'recover' ? undefined : await dueBackup(context, request);
  if (due === undefined && !hookIsOpen) return notDone('not due', null);
  let record = begun(before, { kind: 'job', name, job: job.key, host, now: now() });
  const put = async (changed: RunRecord) => {
    record = changed;
    await meta.putRunRecord(changed);
  };
  await put(record);
  const turn: JobTurn = {
    ...{ schedulers: due?.schedulers ?? [], expire: due?.expireDate ?? null, hookIsOpen },
    setHook: (hook) => put({ ...record, hook }),
  };
  try {
    const result = await attempt(turn);
    const isDone = result.exitCode === 0 && result.problem === null;
    // A run without a backup is no success, unless the dead attempt had made it.
    const isOpen = due === undefined && isDone && (await dueBackup(context, { ...request, mode: 'due' })) !== undefined;
    await put(isOpen ? { ...record, ended: now() } : finished(record, result, now()));
    return { ...result, state: isDone ? 'done' : 'failed' };
  } catch (error) {
    if (isStop(error, context.signal)) {
      await put(interrupted(record, now())).catch((cause: unknown) => context.logger.warning(messageOf(cause)));
      throw error;
    }
    const failure = failureOf(error);
    await put(finished(record, failure, now()));
    return { ...notDone('failed', failure.problem), exitCode: failure.exitCode };
  }
}

/** The backup to make now, whatever time a run would choose. */
async function dueBackup(context: Context, { job, name, mode }: TurnRequest): Promise<DueBackup | undefined> {
  const schedulers = schedulersOfJob(job, context.settings);
  const now = context.now();
  const versions = await context.meta.listVersions({ name });
  if (mode !== 'force') return timingOf({ name, versions }, schedulers, now).due;
  const checks = dueChecks({ name, versions }, schedulers, now);
  return backupFor(
    name,
    checks.map((check) => ({ ...check, isDue: true })),
    now,
  );
}

function notDone(state: 'busy' | 'not due' | 'failed', problem: string | null): JobOutcome {
  return { state, uid: null, bytesRead: null, bytesWritten: null, exitCode: 0, problem };
}

function isStop(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof BackyError && (error.code === 'interrupted' || error.code === 'lockLost'));
}

/** One line for a failure of any kind. */
function failureOf(error: unknown): { exitCode: number; problem: string } {
  const exitCode = error instanceof BackyError ? error.exitCode : 100;
  return { exitCode, problem: error instanceof BackyError ? messageWithHint(error) : messageOf(error) };
}
