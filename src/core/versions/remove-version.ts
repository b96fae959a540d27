import { BackyError } from '../../errors.ts';
import { warnOfFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { withVersion } from './with-version.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Outcome of a removal. */
export interface RemovalResult {
  uid: string;
  name: string;
  blocks: number;
}

/**
 * Removes a version. Its blobs stay until a cleanup. Throws a BackyError `refused` for a protected
 * version, and without `force` for a young one.
 */
export async function removeVersion(context: Context, uid: string, force: boolean): Promise<RemovalResult> {
  context.signal.throwIfAborted();
  return withVersion(context, uid, 'exclusive', (version) => removeLocked(context, version, force));
}

async function removeLocked(context: Context, version: TaggedVersion, force: boolean): Promise<RemovalResult> {
  const { meta, logger, signal } = context;
  const { uid, name } = version;
  if (version.protected) {
    throw new BackyError('refused', `Version ${uid} is protected. Will not delete.`, {
      hint: `Lift it first with: backy2 unprotect ${uid}`,
    });
  }
  if (!force) refuseYoung(context, version);
  const blocks = await meta.removeVersion(uid, (rows) => {
    // If stopped here, the version is invalid and incomplete. Another rm removes the rest.
    signal.throwIfAborted();
    logger.debug(`Removed ${rows} of ${version.size} blocks of ${uid}.`);
  });
  logger.info(`Removed backup version ${uid} with ${blocks} blocks.`);
  return { uid, name, blocks };
}

function refuseYoung(context: Context, version: TaggedVersion): void {
  const { settings, now } = context;
  const days = settings.disallowRmWhenYoungerThanDays;
  // A version from the future counts as new.
  const ageMs = Math.max(0, now().getTime() - version.date.getTime());
  if (ageMs >= days * DAY_MS) return;
  warnOfFuture(context, [version]);
  throw new BackyError('refused', `Version ${version.uid} is too young. Will not delete.`, {
    hint: `Versions are kept for ${days} days (disallow_rm_when_younger_than_days). To remove it anyway: backy2 rm -f ${version.uid}`,
  });
}
