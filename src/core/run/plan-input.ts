import { hostname } from 'node:os';
import { BackyError, messageWithHint } from '../../errors.ts';
import type { Job } from '../../model/job.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { openAttempts } from './dead-jobs.ts';
import type { JobImage } from './executor.ts';
import { imagesOfJob } from './job-images.ts';
import { chooseJobs, schedulersOfJob } from './job-schedulers.ts';
import { type JobImages, type PlanInput, type PlannedBackup, planBackups } from './planner.ts';

/** Parts that tests replace. */
export interface RunSurroundings {
  host: string;
  imagesOf(job: Job): Promise<readonly JobImage[]>;
}

/** The surroundings of a run outside of tests. */
export function surroundingsOf(context: Context): RunSurroundings {
  return { host: hostname(), imagesOf: (job) => imagesOfJob(context, job) };
}

/** Plans a run, and changes nothing. @param keys of jobs; undefined: all. */
export async function planRun(context: Context, keys?: readonly string[]): Promise<PlannedBackup[]> {
  const around = surroundingsOf(context);
  const jobs = await readJobs(context, around, keys);
  const records = await context.meta.runRecords();
  const { running } = await openAttempts(context, records);
  return planBackups(await planInput(context, { around, known: jobs, records, running }));
}

/** Jobs with their images and schedulers, or with what is wrong with them. */
export interface KnownJobs {
  jobs: readonly JobImages[];
  /** Whether these are all jobs of the configuration. */
  areAll: boolean;
}

/**
 * Asks for the images of each job. @throws BackyError for an unknown or broken job that is named.
 */
export async function readJobs(context: Context, around: RunSurroundings, keys?: readonly string[]): Promise<KnownJobs> {
  const jobs: JobImages[] = [];
  for (const job of chooseJobs(keys, context.settings)) {
    context.signal.throwIfAborted();
    try {
      const schedulers = schedulersOfJob(job, context.settings);
      jobs.push({ job, schedulers, images: await around.imagesOf(job) });
    } catch (error) {
      if (!(error instanceof BackyError) || context.signal.aborted) throw error;
      jobs.push({ job, schedulers: [], images: [], problem: messageWithHint(error) });
    }
  }
  return { jobs, areAll: keys === undefined || keys.length === 0 };
}

/** Input of a plan beside the versions. */
interface Known {
  around: RunSurroundings;
  known: KnownJobs;
  records: readonly RunRecord[];
  running: ReadonlySet<string>;
}

/** Reads all versions. */
export async function planInput(
  { meta, settings, now }: Context,
  { around, known: { jobs, areAll }, records, running }: Known,
): Promise<PlanInput> {
  const byName = new Map(records.flatMap((record) => (record.kind === 'job' ? [[record.name, record]] : [])));
  const versions = new Map<string, TaggedVersion[]>();
  for (const version of await meta.listVersions({})) {
    const known = versions.get(version.name);
    if (known === undefined) versions.set(version.name, [version]);
    else known.push(version);
  }
  const brokenJobs = areAll ? settings.brokenJobs : [];
  return { jobs, brokenJobs, versions, records: byName, running, host: around.host, now: now() };
}
