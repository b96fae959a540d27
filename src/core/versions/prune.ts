import type { SchedulerSettings } from '../../model/scheduler.ts';
import type { Context } from '../context.ts';
import { beyondKeep } from './beyond-keep.ts';
import { isExpired } from './removal-rule.ts';
import { type RemovalRequest, type Retention, removeUnwanted, type UnwantedResult } from './remove-unwanted.ts';

/**
 * Removes versions that have expired, or that are more than their schedulers keep, except those
 * that the rule of removal keeps (docs/spec/semantics.md §15). Versions that another command uses
 * or removes meanwhile are passed over.
 * @throws BackyError `notFound` for a name without versions, `refused` if the clock looks wrong.
 */
export async function prune(context: Context, request: RemovalRequest): Promise<UnwantedResult> {
  await warnOfBroken(context, request.name);
  return removeUnwanted(context, request, bySchedulers(context.settings));
}

/** The rule of retention of `prune`. */
export function bySchedulers(settings: Pick<SchedulerSettings, 'schedulers' | 'brokenSchedulers'>): Retention {
  return {
    ...{ command: 'prune', adjective: 'unwanted', logsDryRun: false },
    unwanted: (versions, now) => {
      const beyond = beyondKeep(versions, settings, now);
      return (version) => {
        if (isExpired(version, now)) return 'expired';
        return beyond.has(version.uid) ? 'beyond_keep' : undefined;
      };
    },
  };
}

/** Says that versions stay because nobody knows how many a broken scheduler keeps. */
async function warnOfBroken({ meta, logger, settings }: Context, name: string | undefined): Promise<void> {
  for (const broken of settings.brokenSchedulers) {
    const { length } = await meta.listVersions({ tag: broken.name, name });
    if (length > 0)
      logger.warning(`Versions with the tag "${broken.name}" that have not expired are kept (${length}): ${broken.problem}`);
  }
}
