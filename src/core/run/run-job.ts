import { BackyError, messageWithHint, toBackyError } from '../../errors.ts';
import type { Job } from '../../model/job.ts';
import { autoBackup } from '../auto/auto-backup.ts';
import { backup } from '../backup/backup.ts';
import type { BackupResult } from '../backup/request.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import type { JobImage, RunRow } from './executor.ts';
import { JobHooks, type PlannedTags } from './job-hooks.ts';
import { type JobTurn, type TurnRequest, type TurnResult, takeJobTurn } from './job-turn.ts';

/** A backup of one image of a job. */
export interface JobRequest extends Pick<TurnRequest, 'mode'> {
  job: Job;
  image: JobImage;
  /** For the hooks: see {@link JobHooks}. */
  configFile: string;
  /** Called with the source when its backup begins. */
  onBackup?(source: string): void;
}

/**
 * Backs an image up with the hooks of its job, if that is due and no other process does it.
 * Whatever happens, `after` runs: at the next call if this process dies.
 * @throws the signal's reason if it is stopped; `after` has run then.
 */
export async function runJob(context: Context, request: JobRequest): Promise<RunRow> {
  const { job, image, mode } = request;
  const run = new JobRun(context, request);
  const row = { kind: 'job', name: image.name, job: job.key } as const;
  const taken = await installationTaken(context);
  if (taken !== undefined) return { ...row, ...NOTHING, ...NOT_STARTED, state: 'busy', problem: taken };
  const outcome = await takeJobTurn(context, { job, name: image.name, mode }, (turn) => run.perform(turn));
  return { ...row, ...(run.times ?? NOT_STARTED), ...outcome };
}

const NOTHING: TurnResult = { uid: null, bytesRead: null, bytesWritten: null, exitCode: 0, problem: null };
const NOT_STARTED = { started: null, durationSeconds: null };

/** Says who has the whole installation: no `before` may run for nothing. */
async function installationTaken({ locks }: Context): Promise<string | undefined> {
  try {
    await checkInstallationFree(locks);
    return undefined;
  } catch (error) {
    return messageWithHint(toBackyError(error));
  }
}

class JobRun {
  readonly #context: Context;
  readonly #request: JobRequest;
  readonly #hooks: JobHooks;
  readonly #result = { ...NOTHING };
  /** When the backup began, and how long it took; undefined: there was none. */
  times: Pick<RunRow, 'started' | 'durationSeconds'> | undefined;

  constructor(context: Context, request: JobRequest) {
    this.#context = context;
    this.#request = request;
    this.#hooks = new JobHooks(context, request);
  }

  async perform(turn: JobTurn): Promise<TurnResult> {
    if (turn.hookIsOpen) await this.#recover(turn);
    const { schedulers, expire } = turn;
    if (schedulers.length > 0 && expire !== null) await this.#perform(turn, { schedulers, expire });
    this.#context.signal.throwIfAborted();
    return this.#result;
  }

  /** Runs the `after` that an earlier process owes. */
  async #recover(turn: JobTurn): Promise<void> {
    const { job, image } = this.#request;
    this.#context.logger.warning(`The last backup of ${image.name} was cut off. Job ${job.key} runs "after" now.`);
    const problem = await this.#hooks.after(undefined, { result: 'recover', uid: null, exitCode: undefined });
    if (problem !== undefined) this.#fail(new BackyError('failed', problem, { exitCode: 1 }));
    await turn.setHook(null);
  }

  async #perform(turn: JobTurn, plan: PlannedTags): Promise<void> {
    if (this.#hooks.hasAfter) await turn.setHook('before');
    const [started, start] = [this.#context.now(), performance.now()];
    const result = await this.#attempt(plan);
    this.times = { started, durationSeconds: (performance.now() - start) / 1000 };
    const { uid, exitCode } = this.#result;
    const problem = await this.#hooks.after(plan, { result, uid, exitCode });
    if (problem !== undefined) this.#fail(new BackyError('failed', problem, { exitCode: 1 }));
    if (this.#hooks.hasAfter) await turn.setHook(null);
  }

  /** Runs `before` and the backup. Never throws, as `after` has to run. */
  async #attempt(plan: PlannedTags): Promise<'ok' | 'failed' | 'before-failed' | 'interrupted'> {
    const { signal } = this.#context;
    const problem = await this.#hooks.before(plan);
    if (problem !== undefined && !signal.aborted) {
      this.#fail(new BackyError('failed', problem, { exitCode: 1, hint: 'No backup was made.' }));
      return 'before-failed';
    }
    if (!signal.aborted) await this.#backUp(plan);
    if (signal.aborted) this.#fail(toBackyError(signal.reason));
    if (signal.aborted) return 'interrupted';
    return this.#result.exitCode === 0 ? 'ok' : 'failed';
  }

  async #backUp({ schedulers: tags, expire }: PlannedTags): Promise<void> {
    const { source, name } = this.#request.image;
    const onVersion = (uid: string) => {
      this.#result.uid = uid;
    };
    this.#request.onBackup?.(source);
    try {
      const request = { source, name, tags, expire, onVersion };
      if (source.startsWith('rbd://')) await this.#backUpImage(request);
      else this.#note(await backup(this.#context, request));
    } catch (error) {
      if (!this.#context.signal.aborted) this.#fail(toBackyError(error));
    }
  }

  /** There may be a backup although something else failed. */
  async #backUpImage(request: Parameters<typeof backup>[1]): Promise<void> {
    const results = await autoBackup(this.#context, { ...request, keepSnapshots: 1, dryRun: false });
    for (const result of results) {
      if (result.backup !== null) this.#note(result.backup);
      for (const error of result.errors) this.#fail(error);
    }
  }

  #note({ uid, counters: { bytesRead, bytesWritten } }: BackupResult): void {
    Object.assign(this.#result, { uid, bytesRead, bytesWritten });
  }

  /** The exit code is that of the first failure, but bad data comes before all others. */
  #fail(error: BackyError): void {
    const result = this.#result;
    const text = messageWithHint(error);
    result.problem = result.problem === null ? text : `${result.problem} ${text}`;
    if (result.exitCode === 0 || error.code === 'blocksBad') result.exitCode = error.exitCode;
  }
}
