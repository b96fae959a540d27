import { warnOfFuture } from '../../model/clock.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { type DueBackup, dueBackups, explainDue } from './due.ts';
import { chooseSchedulers, type Image, type SchedulerChoice } from './schedulers.ts';
import { type Breach, explainSla, slaBreaches } from './sla.ts';

/** Which names and schedulers to report on. */
export interface ScheduleRequest {
  /** Default: all names that have versions. A name may have none. */
  name?: string | undefined;
  /** Names of schedulers. Default: those of the configuration. */
  schedulers?: readonly string[] | undefined;
}

/** A report about images, made of pure functions. */
interface Report<T> {
  /** Schedulers to use when the request names none. */
  defaults: SchedulerChoice;
  explain(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): string[];
  evaluate(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): T[];
}

/** Lists the backups that are due now, the longest due first. Explains each at level DEBUG. */
export function reportDue(context: Context, request: ScheduleRequest): Promise<DueBackup[]> {
  const defaults = { names: context.settings.defaultSchedulers, givenBy: '[DEFAULTS] default_schedulers' };
  return report(context, request, { defaults, explain: explainDue, evaluate: dueBackups });
}

/** Lists the SLA breaches of now, by name. Explains each at level DEBUG. */
export function reportSla(context: Context, request: ScheduleRequest): Promise<Breach[]> {
  const defaults = { names: context.settings.slaSchedulers, givenBy: '[DEFAULTS] sla_schedulers' };
  return report(context, request, { defaults, explain: explainSla, evaluate: slaBreaches });
}

async function report<T>(context: Context, request: ScheduleRequest, { defaults, explain, evaluate }: Report<T>): Promise<T[]> {
  const choice = request.schedulers === undefined ? defaults : { names: request.schedulers, givenBy: '-s' };
  const schedulers = chooseSchedulers(choice, context.settings);
  const images = await readImages(context, request.name);
  const now = context.now();
  for (const line of explain(images, schedulers, now)) context.logger.debug(line);
  return evaluate(images, schedulers, now);
}

/** Reads the image of this name, or all of them sorted by name, with one query. */
async function readImages(context: Context, name: string | undefined): Promise<Image[]> {
  await checkInstallationFree(context.locks);
  const versions = await context.meta.listVersions({ name });
  warnOfFuture(context, versions);
  if (name !== undefined) return [{ name, versions }];
  // The store sorts them by name, and a map keeps the order.
  const byName = new Map<string, TaggedVersion[]>();
  for (const version of versions) {
    const known = byName.get(version.name);
    if (known === undefined) byName.set(version.name, [version]);
    else known.push(version);
  }
  return [...byName].map(([image, own]) => ({ name: image, versions: own }));
}
