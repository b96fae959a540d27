import { type Job, type JobSettings, jobName } from '../../model/job.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { Scheduler, SchedulerSettings } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Problem } from './state.ts';

/** The jobs that back a name up, and the schedulers that it is judged by. */
export interface Scheduled {
  /** Keys of its jobs. */
  jobs: readonly string[];
  schedulers: readonly Scheduler[];
  /** Jobs and schedulers that can't be used. */
  configProblems: readonly Problem[];
}

/** Finds out which jobs and schedulers each name has (docs/spec/semantics.md §19). */
export class Scheduling {
  readonly #settings: SchedulerSettings & JobSettings;
  readonly #jobs = new Map<string, Job[]>();

  /** @param records tell which names the jobs with a pattern have. */
  constructor(settings: SchedulerSettings & JobSettings, records: readonly RunRecord[]) {
    this.#settings = settings;
    for (const job of settings.jobs) {
      const name = jobName(job);
      const names = name === undefined ? records.filter((one) => isImageOf(job, one)).map((one) => one.name) : [name];
      for (const one of names) this.#jobs.set(one, [...(this.#jobs.get(one) ?? []), job]);
    }
  }

  /** Names that jobs back up, whether or not they have versions. */
  get names(): Iterable<string> {
    return this.#jobs.keys();
  }

  /**
   * The schedulers of a name: those of its jobs and those whose option `names` lists it. Without
   * any: those of `sla_schedulers`, if they made one of its versions, or all versions are gone.
   */
  of(name: string, versions: readonly TaggedVersion[]): Scheduled {
    const { schedulers, brokenSchedulers, slaSchedulers, defaultSchedulers } = this.#settings;
    const jobs = this.#jobs.get(name) ?? [];
    const wanted = new Set(jobs.flatMap((job) => job.schedulers ?? defaultSchedulers));
    const configProblems = [...wanted].flatMap((one) => this.#problemOf(one));
    const listed = schedulers.filter(({ names, name: own }) => names?.includes(name) === true || wanted.has(own));
    const keys = jobs.map(({ key }) => key);
    if (jobs.length > 0 || listed.length > 0) return { jobs: keys, schedulers: listed, configProblems };
    const usual = schedulers.filter((one) => slaSchedulers.includes(one.name));
    const broken = brokenSchedulers.filter((one) => slaSchedulers.includes(one.name));
    const known = [...usual, ...broken].map((one) => one.name);
    if (versions.length > 0 && !versions.some(({ tags }) => known.some((one) => tags.includes(one))))
      return { jobs: [], schedulers: [], configProblems: [] };
    return { jobs: [], schedulers: usual, configProblems: broken.flatMap((one) => this.#problemOf(one.name)) };
  }

  #problemOf(scheduler: string): Problem[] {
    const { schedulers, brokenSchedulers } = this.#settings;
    if (schedulers.some(({ name }) => name === scheduler)) return [];
    const broken = brokenSchedulers.find(({ name }) => name === scheduler);
    return [{ state: 'unknown', text: broken?.problem ?? `There is no scheduler "${scheduler}".` }];
  }
}

/** Whether a record is of an image of this job, which has a pattern. */
function isImageOf({ key }: Job, { kind, job, name }: RunRecord): boolean {
  // A record with the job's own name says that its images could not be listed.
  return kind === 'job' && job === key && name !== key;
}
