import type { SeenName } from '../../meta/name-store.ts';
import { warnOfFuture } from '../../model/clock.ts';
import type { Scheduler } from '../../model/scheduler.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { type DueBackup, dueBackups, explainDue } from './due.ts';
import { imagesOf } from './images.ts';
import { withJobNames } from './job-names.ts';
import { chooseSchedulers, type Image, type SchedulerChoice } from './schedulers.ts';
import { type Breach, explainSla, slaBreaches } from './sla.ts';

/** Which names and schedulers to report on. */
export interface ScheduleRequest {
  /** Default: all names that have versions or should have them. */
  name?: string | undefined;
  /** Names of schedulers. Default: those of the configuration. */
  schedulers?: readonly string[] | undefined;
}

/** A report about images, made of pure functions. */
interface Report<T> {
  /** Schedulers to use when the request names none. */
  defaults: SchedulerChoice;
  /** Reads names that count even if they have no version any more. */
  seenNames(): Promise<readonly SeenName[]>;
  explain(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): string[];
  evaluate(images: readonly Image[], schedulers: readonly Scheduler[], now: Date): T[];
}

/** Lists the backups that are due now, the longest due first. Explains each at level DEBUG. */
export function reportDue(context: Context, request: ScheduleRequest): Promise<DueBackup[]> {
  const defaults = { names: context.settings.defaultSchedulers, givenBy: '[DEFAULTS] default_schedulers' };
  return report(context, request, { defaults, seenNames: async () => [], explain: explainDue, evaluate: dueBackups });
}

/** Lists the SLA breaches of now, by name. Explains each at level DEBUG. */
export function reportSla(context: Context, request: ScheduleRequest): Promise<Breach[]> {
  const defaults = { names: context.settings.slaSchedulers, givenBy: '[DEFAULTS] sla_schedulers' };
  return report(context, request, {
    defaults,
    seenNames: () => context.meta.seenNames(),
    explain: explainSla,
    evaluate: slaBreaches,
  });
}

async function report<T>(context: Context, request: ScheduleRequest, { defaults, ...kind }: Report<T>): Promise<T[]> {
  const { settings, meta, locks, logger } = context;
  const choice = request.schedulers === undefined ? defaults : { names: request.schedulers, givenBy: '-s' };
  const schedulers = withJobNames(chooseSchedulers(choice, settings), settings);
  await checkInstallationFree(locks);
  const versions = await meta.listVersions({ name: request.name });
  warnOfFuture(context, versions);
  const now = context.now();
  const images = imagesOf(versions, {
    ...{ name: request.name, schedulers, now },
    seen: await kind.seenNames(),
    newByAge: settings.slaNewNamesByAge,
  });
  for (const line of kind.explain(images, schedulers, now)) logger.debug(line);
  return kind.evaluate(images, schedulers, now);
}
