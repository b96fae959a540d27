import type { Executor, JobItem, JobOutcome, ProblemReport, StepName, StepOutcome } from '../../core/run/executor.ts';
import { isPatternJob, type Pruning } from '../../model/job.ts';
import { jobOutcome, slaOutcome, stepOutcome } from './outcomes.ts';
import type { OwnProcesses } from './own-processes.ts';

/** The work of a run that other processes cannot do. */
interface OwnWork {
  /** For the step `prune`. */
  prune: Pruning;
  /** For the step `scrub`. */
  scrubPercent: number;
  /** For the step `sla`. */
  slaSchedulers: readonly string[];
  /** The step `space`. */
  recordSpace(): Promise<StepOutcome>;
  report(report: ProblemReport): Promise<boolean>;
  /** Logs a failure. */
  fail(text: string): void;
}

/** Does each job and each step of the upkeep in a process of its own. */
export class ProcessExecutor implements Executor {
  readonly #processes: OwnProcesses;
  readonly #work: OwnWork;

  constructor(processes: OwnProcesses, work: OwnWork) {
    this.#processes = processes;
    this.#work = work;
  }

  async execute(item: JobItem): Promise<JobOutcome> {
    const outcome = jobOutcome(await this.#processes.run(...jobWords(item)));
    if (outcome.problem !== null) this.#work.fail(`${item.name}: ${outcome.problem}`);
    return outcome;
  }

  async step(name: StepName): Promise<StepOutcome> {
    const outcome = await this.#step(name);
    if (outcome.problem !== null) this.#work.fail(`${name}: ${outcome.problem}`);
    return outcome;
  }

  report(report: ProblemReport): Promise<boolean> {
    return this.#work.report(report);
  }

  async #step(name: StepName): Promise<StepOutcome> {
    if (name === 'space') return this.#work.recordSpace();
    if (name === 'sla') return this.#sla(this.#work.slaSchedulers);
    return stepOutcome(await this.#processes.run(...this.#stepWords(name)));
  }

  #stepWords(name: StepName): string[] {
    const { prune, scrubPercent } = this.#work;
    if (name === 'prune' && prune === 'expired') return ['rm', '--expired'];
    return name === 'scrub' ? [name, '--oldest', String(scrubPercent)] : [name];
  }

  async #sla(schedulers: readonly string[]): Promise<StepOutcome> {
    if (schedulers.length === 0) return { exitCode: 0, problem: null };
    return slaOutcome(await this.#processes.run('sla', '-s', schedulers.join(',')));
  }
}

function jobWords({ job, name, schedulers }: JobItem): string[] {
  const owesAfter = schedulers.length === 0;
  return ['job', ...(owesAfter ? ['--recover'] : []), '--', job.key, ...(isPatternJob(job) ? [name] : [])];
}
