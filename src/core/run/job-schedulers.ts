import { BackyError } from '../../errors.ts';
import type { Job, JobSettings } from '../../model/job.ts';
import type { Scheduler, SchedulerSettings } from '../../model/scheduler.ts';
import { chooseSchedulers } from '../reports/schedulers.ts';

/** @throws BackyError for a scheduler that does not exist or is broken. */
export function schedulersOfJob({ key, schedulers }: Job, settings: SchedulerSettings): Scheduler[] {
  const choice =
    schedulers === undefined
      ? { names: settings.defaultSchedulers, givenBy: '[DEFAULTS] default_schedulers' }
      : { names: schedulers, givenBy: `[job:${key}] schedulers` };
  return chooseSchedulers(choice, settings);
}

/**
 * Finds jobs by key, each once, in this order; without keys all of them.
 * @throws BackyError for an unknown or broken one that was named.
 */
export function chooseJobs(keys: readonly string[] | undefined, { jobs, brokenJobs }: JobSettings): readonly Job[] {
  if (keys === undefined || keys.length === 0) return jobs;
  return [...new Set(keys)].map((key) => {
    const broken = brokenJobs.find(({ name }) => name === key);
    if (broken !== undefined) throw new BackyError('config', broken.problem);
    const job = jobs.find((candidate) => candidate.key === key);
    if (job !== undefined) return job;
    const shown = JSON.stringify(key).slice(1, -1);
    throw new BackyError('notFound', `There is no job "${shown}": the configuration has no section [job:${shown}].`, {
      hint: jobs.length === 0 ? 'There are none. Add one to backy.cfg.' : `There are: ${jobs.map((job) => job.key).join(', ')}.`,
    });
  });
}

/**
 * Names of the schedulers whose SLAs a run looks at: those of `sla_schedulers` that there are. Not
 * every configuration has all of the default.
 */
export function slaNames({ slaSchedulers, schedulers, brokenSchedulers }: SchedulerSettings): string[] {
  const known = new Set([...schedulers, ...brokenSchedulers].map(({ name }) => name));
  return slaSchedulers.filter((name) => known.has(name));
}
