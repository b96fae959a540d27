import { hostname } from 'node:os';
import { BackyError, messageWithHint, toBackyError } from '../../errors.ts';
import type { Job } from '../../model/job.ts';
import type { RunRecord } from '../../model/run-record.ts';
import { autoBackup } from '../auto/auto-backup.ts';
import { backup } from '../backup/backup.ts';
import type { BackupResult } from '../backup/request.ts';
import type { Context } from '../context.ts';
import { dueBackups } from '../reports/due.ts';
import { chooseSchedulers } from '../reports/schedulers.ts';
import { checkInstallationFree, describeHolders, holding } from '../versions/locks.ts';
import { type AfterResult, JobHooks, type PlannedTags } from './job-hooks.ts';
import type { JobImage } from './job-images.ts';
import { jobLockName } from './job-lock.ts';
import type { RunRow } from './run-row.ts';

/** A backup of one image of a job. */
export interface JobRequest {
  job: Job;
  image: JobImage;
  /** Also when nothing is due, with all schedulers of the job. */
  force: boolean;
  /** For the hooks: see {@link JobHooks}. */
  configFile: string;
  /** Called with the source when its backup begins. */
  onBackup?(source: string): void;
}

/**
 * Backs an image up with the hooks of its job, if that is due. Holds the lock of its name all the
 * time, so that no two processes do the same. Whatever happens, `after` runs: at the next call if
 * this process dies.
 * @throws the signal's reason if it is stopped; `after` has run then.
 */
export async function runJob(context: Context, request: JobRequest): Promise<RunRow> {
  const { locks } = context;
  const name = jobLockName(request.image.name);
  const lock = await locks.tryAcquire(name, 'exclusive');
  if (lock === undefined) return { ...emptyRow(request), state: 'busy', problem: `At work: ${await describeHolders(locks, name)}` };
  return holding([async () => lock], () => new JobRun(context, request).perform());
}

function emptyRow({ job, image }: JobRequest): RunRow {
  return {
    ...{ kind: 'job', name: image.name, job: job.key, state: 'not due', uid: null, started: null, durationSeconds: null },
    ...{ bytesRead: null, bytesWritten: null, exitCode: 0, problem: null },
  };
}

/** What came of a backup. It may exist although something else failed. */
interface Attempt {
  backup: BackupResult | null;
  errors: BackyError[];
}

class JobRun {
  readonly #context: Context;
  readonly #request: JobRequest;
  readonly #hooks: JobHooks;
  readonly #row: RunRow;
  #record: RunRecord;

  constructor(context: Context, request: JobRequest) {
    this.#context = context;
    this.#request = request;
    this.#hooks = new JobHooks(context, request);
    this.#row = emptyRow(request);
    this.#record = {
      ...{ kind: 'job', name: request.image.name, job: request.job.key, host: hostname(), started: context.now() },
      ...{ ended: null, succeeded: null, failures: 0, exitCode: 0, problem: null, reported: null, hook: null },
    };
  }

  async perform(): Promise<RunRow> {
    const { meta, locks } = this.#context;
    await checkInstallationFree(locks);
    const known = (await meta.runRecords()).find(({ kind, name }) => kind === 'job' && name === this.#record.name);
    if (known !== undefined) this.#record = known;
    await this.#recover();
    const plan = await this.#plan();
    if (plan === undefined) return this.#row;
    const started = performance.now();
    await this.#begin();
    const result = await this.#attempt(plan);
    this.#row.durationSeconds = (performance.now() - started) / 1000;
    const afterProblem = await this.#hooks.after(plan, result);
    if (afterProblem !== undefined) this.#fail(new BackyError('failed', afterProblem, { exitCode: 1 }));
    await this.#end();
    this.#context.signal.throwIfAborted();
    return this.#row;
  }

  /** Runs the `after` that an earlier process owes. */
  async #recover(): Promise<void> {
    if (this.#record.hook === null) return;
    const { job, image } = this.#request;
    this.#context.logger.warning(`An earlier backup of ${image.name} did not end. Job ${job.key} runs "after" first.`);
    const problem = await this.#hooks.after(undefined, { result: 'recover', uid: null, exitCode: undefined });
    if (problem !== undefined) this.#context.logger.error(problem);
    await this.#put({ hook: null });
  }

  /** The tags and the expire date, or undefined if nothing is due. */
  async #plan(): Promise<PlannedTags | undefined> {
    const { meta, settings, now } = this.#context;
    const { job, image, force } = this.#request;
    const names = job.schedulers ?? settings.defaultSchedulers;
    const givenBy = job.schedulers === undefined ? '[DEFAULTS] default_schedulers' : `[job:${job.key}] schedulers`;
    const schedulers = chooseSchedulers({ names, givenBy }, settings);
    const versions = force ? [] : await meta.listVersions({ name: image.name });
    const [due] = dueBackups([{ name: image.name, versions }], schedulers, now());
    if (due !== undefined) return { schedulers: due.schedulers, expire: due.expireDate };
    if (force) throw new BackyError('config', `No scheduler of job ${job.key} keeps a backup.`, { hint: 'Set keep above 0.' });
    return undefined;
  }

  async #begin(): Promise<void> {
    const started = this.#context.now();
    this.#row.started = started;
    this.#row.state = 'done';
    const { key: job } = this.#request.job;
    await this.#put({ job, host: hostname(), started, ended: null, hook: this.#hooks.hasAfter ? 'before' : null });
  }

  /** Runs `before` and the backup. Never throws, as `after` has to run. */
  async #attempt(plan: PlannedTags): Promise<AfterResult> {
    const { signal } = this.#context;
    const problem = await this.#hooks.before(plan);
    if (problem !== undefined && !signal.aborted) {
      this.#fail(new BackyError('failed', problem, { exitCode: 1, hint: 'No backup was made.' }));
      return { result: 'before-failed', uid: null, exitCode: 1 };
    }
    const { backup: made, errors } = signal.aborted ? { backup: null, errors: [] } : await this.#backUp(plan);
    if (made !== null) {
      this.#row.uid = made.uid;
      this.#row.bytesRead = made.counters.bytesRead;
      this.#row.bytesWritten = made.counters.bytesWritten;
    }
    for (const error of errors) this.#fail(error);
    if (signal.aborted) this.#fail(toBackyError(signal.reason));
    const result = signal.aborted ? 'interrupted' : errors.length > 0 ? 'failed' : 'ok';
    return { result, uid: this.#row.uid, exitCode: this.#row.exitCode };
  }

  async #backUp({ schedulers: tags, expire }: PlannedTags): Promise<Attempt> {
    const { source, name } = this.#request.image;
    const request = { source, name, tags, expire, onVersion: (uid: string) => this.#noteVersion(uid) };
    this.#request.onBackup?.(source);
    try {
      if (!source.startsWith('rbd://')) return { backup: await backup(this.#context, request), errors: [] };
      const [result] = await autoBackup(this.#context, { ...request, keepSnapshots: 1, dryRun: false });
      return result ?? { backup: null, errors: [new BackyError('notFound', `There is no image ${source}.`)] };
    } catch (error) {
      return { backup: null, errors: this.#context.signal.aborted ? [] : [toBackyError(error)] };
    }
  }

  #noteVersion(uid: string): void {
    this.#row.uid = uid;
  }

  /** The first failure is the reason. Bad data comes before all others. */
  #fail(error: BackyError): void {
    const row = this.#row;
    row.state = 'failed';
    row.problem = row.problem === null ? messageWithHint(error) : `${row.problem} ${messageWithHint(error)}`;
    if (row.exitCode === 0 || error.code === 'blocksBad') row.exitCode = error.exitCode;
  }

  async #end(): Promise<void> {
    const { problem, exitCode } = this.#row;
    const ended = this.#context.now();
    const good = problem === null;
    // A stop is not a failure: the next run tries at once.
    const failures = good ? 0 : this.#record.failures + (this.#context.signal.aborted ? 0 : 1);
    const change = { ended, hook: null, failures, exitCode, problem, ...(good ? { succeeded: ended } : {}) };
    try {
      await this.#put(change);
    } catch (error) {
      // The lock was lost, or the database: that is why the backup failed as well.
      if (good) throw error;
      this.#context.logger.error(messageWithHint(toBackyError(error)));
    }
  }

  async #put(change: Partial<RunRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change };
    await this.#context.meta.putRunRecord(this.#record);
  }
}
