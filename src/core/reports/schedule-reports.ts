import { warnOfFuture } from '../../model/clock.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { type DueBackup, dueBackups, explainDue } from './due.ts';
import { chooseSchedulers, type Image, type SchedulerChoice } from './schedulers.ts';
import { type Breach, explainSla, slaBreaches } from './sla.ts';

/** What to report on. */
export interface ScheduleRequest {
  /** Only this name, be it one that was never backed up; all names that have versions when undefined. */
  name?: string | undefined;
  /** Names of schedulers; those that the configuration names when undefined. */
  schedulers?: readonly string[] | undefined;
}

/** The backups that are due now, the longest due first. Explains each at level DEBUG. */
export async function reportDue(context: Context, request: ScheduleRequest): Promise<DueBackup[]> {
  const schedulers = choose(context, request, {
    names: context.settings.defaultSchedulers,
    givenBy: '[DEFAULTS] default_schedulers',
  });
  const images = await readImages(context, request.name);
  const now = context.now();
  for (const line of explainDue(images, schedulers, now)) context.logger.debug(line);
  return dueBackups(images, schedulers, now);
}

/** Where backups are not as the schedulers want them now, by name. Explains each at level DEBUG. */
export async function reportSla(context: Context, request: ScheduleRequest): Promise<Breach[]> {
  const schedulers = choose(context, request, {
    names: context.settings.slaSchedulers,
    givenBy: '[DEFAULTS] sla_schedulers',
  });
  const images = await readImages(context, request.name);
  const now = context.now();
  for (const line of explainSla(images, schedulers, now)) context.logger.debug(line);
  return slaBreaches(images, schedulers, now);
}

function choose({ settings }: Context, { schedulers }: ScheduleRequest, otherwise: SchedulerChoice): Scheduler[] {
  return chooseSchedulers(schedulers === undefined ? otherwise : { names: schedulers, givenBy: '-s' }, settings);
}

/** The image of this name, or all of them sorted by name. One query. */
async function readImages(context: Context, name: string | undefined): Promise<Image[]> {
  await checkInstallationFree(context.locks);
  const versions = await context.meta.listVersions({ name });
  warnOfFuture(context, versions);
  if (name !== undefined) return [{ name, versions }];
  // The store gives them sorted by name, and a map keeps that.
  const byName = new Map<string, TaggedVersion[]>();
  for (const version of versions) {
    const known = byName.get(version.name);
    if (known === undefined) byName.set(version.name, [version]);
    else known.push(version);
  }
  return [...byName].map(([image, own]) => ({ name: image, versions: own }));
}
