import { BackyError } from '../../errors.ts';
import { jobName } from '../../model/job.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from './locks.ts';

/**
 * Forgets a name whose versions are all gone, so that `sla` no longer expects it.
 * @throws BackyError `refused` if it has versions, `notFound` if it was never seen.
 */
export async function forgetName({ meta, locks, logger, settings }: Context, name: string): Promise<void> {
  await checkInstallationFree(locks);
  const { length } = await meta.listVersions({ name });
  if (length > 0) {
    throw new BackyError('refused', `There are versions named "${name}": ${length}. The name was not forgotten.`, {
      hint: `It is forgotten when rm removes the last of them. List them with: backy2 ls ${name}`,
    });
  }
  const scheduler = settings.schedulers.find(({ names }) => names?.includes(name));
  const job = settings.jobs.find((candidate) => jobName(candidate) === name);
  const expecting = scheduler?.name ?? (job === undefined ? undefined : `job:${job.key}`);
  if (await meta.forgetName(name)) {
    if (expecting !== undefined)
      logger.warning(
        `sla still expects backups of ${name}: section [${expecting}] ${scheduler === undefined ? 'makes them' : 'lists it in option "names"'}.`,
      );
    return;
  }
  throw new BackyError('notFound', `The name "${name}" was never seen, or is forgotten already.`, {
    hint:
      expecting === undefined
        ? 'A name without versions is in the list of: backy2 sla'
        : scheduler === undefined
          ? `Remove section [${expecting}] from backy.cfg.`
          : `Remove it from option "names" of section [${expecting}] in backy.cfg.`,
  });
}
