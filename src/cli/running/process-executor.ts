import type { Executor, JobItem, JobOutcome, ProblemReport, StepName, StepOutcome } from '../../core/run/executor.ts';
import { isPatternJob } from '../../model/job.ts';
import { jobOutcome, slaOutcome, stepOutcome } from './outcomes.ts';
import type { OwnProcesses } from './own-processes.ts';

/** The work of a run that other processes cannot do. */
interface OwnWork {
  /** For the step `scrub`. */
  scrubPercent: number;
  /** The step `space`. */
  recordSpace(): Promise<StepOutcome>;
  /** Records that the process of a job died. */
  noteDeath(item: JobItem, outcome: JobOutcome): Promise<void>;
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
    const owesAfter = item.schedulers.length === 0;
    const result = await this.#processes.run(...jobWords(item, owesAfter));
    const outcome = jobOutcome(result);
    if (!result.isOrderly) {
      await this.#work.noteDeath(item, outcome);
      if (!owesAfter) await this.#processes.run(...jobWords(item, true));
    }
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
    if (name === 'sla') return slaOutcome(await this.#processes.run('sla'));
    const options = name === 'scrub' ? ['--oldest', String(this.#work.scrubPercent)] : [];
    return stepOutcome(await this.#processes.run(name, ...options));
  }
}

function jobWords({ job, name }: JobItem, owesAfter: boolean): string[] {
  return ['job', ...(owesAfter ? ['--recover'] : []), '--', job.key, ...(isPatternJob(job) ? [name] : [])];
}
