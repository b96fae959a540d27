import { type JobSettings, jobName } from '../../model/job.ts';
import type { Scheduler, SchedulerSettings } from '../../model/scheduler.ts';

/** Schedulers that expect the names of their jobs too, even if they have no version. */
export function withJobNames(schedulers: readonly Scheduler[], settings: JobSettings & SchedulerSettings): Scheduler[] {
  return schedulers.map((scheduler) => {
    const ofJobs = settings.jobs
      .filter((job) => (job.schedulers ?? settings.defaultSchedulers).includes(scheduler.name))
      .flatMap((job) => jobName(job) ?? []);
    return ofJobs.length === 0 ? scheduler : { ...scheduler, names: [...new Set([...(scheduler.names ?? []), ...ofJobs])] };
  });
}
