import { toSecondsText } from '../../model/dates.ts';
import type { Job } from '../../model/job.ts';
import type { Context } from '../context.ts';
import type { JobImage } from './executor.ts';
import { runHook } from './hook.ts';
import { jobLock } from './job-turn.ts';
import { waitForHooks } from './running-hooks.ts';

/** The outcome that `after` is called with. */
export interface AfterResult {
  /** `recover`: an earlier process died before it could run `after`. */
  result: 'ok' | 'failed' | 'before-failed' | 'interrupted' | 'recover';
  uid: string | null;
  /** Undefined: not known. */
  exitCode: number | undefined;
}

/** A backup that is to be made. */
export interface PlannedTags {
  schedulers: readonly string[];
  expire: Date;
}

/** The hooks belong to a backup of this image. */
interface HookOwner {
  job: Job;
  image: JobImage;
  /** For `backy2 -c`; empty if it needs none. */
  configFile: string;
}

/** A hook ends this soon after the process that began it. */
const ENDS_WITHIN_MS = 20_000;

/** Runs `before` and `after` of a job. */
export class JobHooks {
  readonly #context: Context;
  readonly #owner: HookOwner;
  readonly #mark: string;

  constructor(context: Context, owner: HookOwner) {
    this.#context = context;
    this.#owner = owner;
    this.#mark = `${jobLock(owner.image.name)}-hook`;
  }

  /** Whether `after` is due once the backup was begun. */
  get hasAfter(): boolean {
    return this.#owner.job.after !== undefined;
  }

  /** @returns why it failed. */
  before(plan: PlannedTags): Promise<string | undefined> {
    return this.#run('before', plan, { BACKY2_RESULT: '', BACKY2_UID: '', BACKY2_EXIT_CODE: '' });
  }

  /** Has its own time limit, whatever was stopped. @returns why it failed. */
  async after(plan: PlannedTags | undefined, { result, uid, exitCode }: AfterResult): Promise<string | undefined> {
    // A `before` that was left alone must not undo what `after` does.
    if (result === 'recover') await waitForHooks(this.#mark, ENDS_WITHIN_MS);
    const outcome = { BACKY2_RESULT: result, BACKY2_UID: uid ?? '', BACKY2_EXIT_CODE: String(exitCode ?? '') };
    return this.#run('after', plan, outcome);
  }

  async #run(
    hook: 'before' | 'after',
    plan: PlannedTags | undefined,
    outcome: Record<string, string>,
  ): Promise<string | undefined> {
    const { job, image, configFile } = this.#owner;
    const { logger, signal } = this.#context;
    const command = job[hook];
    if (command === undefined) return undefined;
    const problem = await runHook({
      ...{ command, mark: this.#mark, logger, what: `${hook} of job ${job.key}`, timeoutMs: job.hookTimeoutSeconds * 1000 },
      env: {
        BACKY2_HOOK: hook,
        BACKY2_JOB: job.key,
        BACKY2_NAME: image.name,
        BACKY2_SOURCE: image.source,
        BACKY2_SCHEDULERS: plan?.schedulers.join(',') ?? '',
        BACKY2_EXPIRE: plan === undefined ? '' : toSecondsText(plan.expire),
        BACKY2_CONFIG: configFile,
        ...outcome,
      },
      signal: hook === 'before' ? signal : undefined,
    });
    return problem === undefined ? undefined : `${hook} of job ${job.key} ${problem}.`;
  }
}
