import { BackyError } from '../errors.ts';
import { parseIoUrl } from '../io/io-url.ts';
import { isPatternJob, type Job, type JobSettings, jobName } from '../model/job.ts';
import type { BrokenSection } from './config.ts';
import type { Ini } from './ini.ts';
import type { Kind } from './kinds.ts';
import { isJob, JOB, JOB_PREFIX } from './schema.ts';
import { readOption } from './section.ts';
import { optionError } from './values.ts';

/**
 * Reads all sections `[job:KEY]`, in the order of the config. Returns wrong ones apart: other
 * commands must not fail.
 */
export function readJobs(ini: Ini): Pick<JobSettings, 'jobs'> & { brokenJobs: BrokenSection[] } {
  const jobs: Job[] = [];
  const brokenJobs: BrokenSection[] = [];
  for (const section of ini.sections.keys()) {
    if (!isJob(section)) continue;
    try {
      jobs.push(readJob(ini, section, jobs));
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
      const problem = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
      brokenJobs.push({ name: keyOf(section), problem });
    }
  }
  return { jobs, brokenJobs };
}

function keyOf(section: string): string {
  return section.slice(JOB_PREFIX.length).trim();
}

/** @param others the jobs before it. */
function readJob(ini: Ini, section: string, others: readonly Job[]): Job {
  const fail = (option: string, problem: string) => optionError(ini, { section, option, problem });
  const read = <T>(option: keyof typeof JOB, kind: Kind<T>) => readOption(ini, { section, option }, kind);
  const key = keyOf(section);
  if (key === '') throw fail('name', 'is missing; write it in the section: [job:web].');
  if (others.some((other) => other.key === key)) throw fail('name', `there are two sections of job "${key}".`);
  const source = read('source', JOB.source) ?? '';
  if (source === '') throw fail('source', 'is missing; it must be a source as for backup, such as rbd://vms/web.');
  const job: Job = {
    ...{ key, source: checked(source, (problem) => fail('source', problem)) },
    schedulers: read('schedulers', JOB.schedulers),
    name: read('name', JOB.name) || undefined,
    before: read('before', JOB.before) || undefined,
    after: read('after', JOB.after) || undefined,
    hookTimeoutSeconds: read('hook_timeout', JOB.hook_timeout) ?? 300,
  };
  if (job.schedulers?.length === 0) throw fail('schedulers', 'names no scheduler.');
  const isPattern = isPatternJob(job);
  if (isPattern && job.name !== undefined)
    throw fail('name', `is not allowed with ${source}: the versions of each image get its name.`);
  const same = isPattern ? undefined : others.find((other) => jobName(other) === jobName(job));
  if (same !== undefined) throw fail('name', `"${jobName(job)}" is the name of the versions of [${JOB_PREFIX}${same.key}] too.`);
  return job;
}

function checked(source: string, fail: (problem: string) => BackyError): string {
  try {
    const { scheme } = parseIoUrl(source);
    if (scheme !== 'rbd' || !source.includes('@')) return source;
  } catch (error) {
    if (!(error instanceof BackyError)) throw error;
    throw fail([error.message, error.hint ?? ''].join(' ').trim());
  }
  throw fail(`${source} is a snapshot. Name the image: each backup makes a snapshot of its own.`);
}
