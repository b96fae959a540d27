import type { Config } from '../../config/config.ts';
import { BackyError } from '../../errors.ts';
import type { Job } from '../../model/job.ts';

/** Finds a job by its key. @throws BackyError `notFound` with all keys; `config` if it is broken. */
export function findJob({ jobs, brokenJobs }: Config, key: string): Job {
  const job = jobs.find((candidate) => candidate.key === key);
  if (job !== undefined) return job;
  const broken = brokenJobs.find(({ name }) => name === key);
  if (broken !== undefined) throw new BackyError('config', broken.problem);
  const keys = [...jobs.map((known) => known.key), ...brokenJobs.map(({ name }) => name)];
  throw new BackyError('notFound', `There is no job "${key}" in the configuration.`, {
    hint: keys.length === 0 ? NO_JOBS_HINT : `There are: ${keys.join(', ')}.`,
  });
}

/** Advice when backy.cfg has no job. */
export const NO_JOBS_HINT =
  'Add one to backy.cfg, such as a section [job:web] with source: rbd://vms/web and schedulers: daily.';
